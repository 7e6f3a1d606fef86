package hub

import "time"

// Option configures a [Hub]. Every [MemberOption] is also an Option: the default of all members.
type Option interface{ applyToHub(*settings) }

// MemberOption configures one member: an option of [Hub.Join] and [Method.Serve].
type MemberOption interface {
	Option
	applyToMember(*memberSettings)
}

// settings are the options of a hub.
type settings struct {
	member                                memberSettings
	maxRooms, maxMembers, maxPerPrincipal int
	maxBytes                              int64
	bus                                   Bus
	roster                                Roster
	conflate, presence, gap               any // functions, checked by New
	name                                  string
}

// memberSettings are the options of a member.
type memberSettings struct {
	name string
	queueLimits
}

type hubOption func(*settings)

func (o hubOption) applyToHub(s *settings) { o(s) }

type memberOption func(*memberSettings)

func (o memberOption) applyToHub(s *settings)          { o(&s.member) }
func (o memberOption) applyToMember(s *memberSettings) { o(s) }

// WithQueue bounds the queue of a member to n messages, instead of the queue of the
// RPC's policy or [DefaultQueue].
func WithQueue(n int) MemberOption {
	return memberOption(func(s *memberSettings) { s.messages = max(n, 1) })
}

// WithQueueBytes bounds the queue of a member to n encoded bytes, instead of the queue_bytes
// of the RPC's policy or [DefaultQueueBytes]. A larger message may wait alone,
// and the message that is being sent does not count.
func WithQueueBytes(n int64) MemberOption {
	return memberOption(func(s *memberSettings) { s.bytes = max(n, 1) })
}

// WithSlow states what happens if a message does not fit into the queue of a member, instead of
// the slow of the RPC's policy or [Disconnect]. See also [WithConflate].
func WithSlow(slow Slow) MemberOption {
	return memberOption(func(s *memberSettings) { s.slow = slow })
}

// WithBlock is WithSlow([Block]), waiting for at most d.
func WithBlock(d time.Duration) MemberOption {
	return memberOption(func(s *memberSettings) { s.slow, s.block = Block, max(d, 1) })
}

// WithMemberName names a member for [Member.Name], instead of the ID of its principal.
func WithMemberName(name string) MemberOption {
	return memberOption(func(s *memberSettings) { s.name = name })
}

// WithName names the hub: the label "name" of its metrics, "" by default. A process with several
// hubs gives each another name; the metrics of hubs with the same name are added up.
func WithName(name string) Option { return hubOption(func(s *settings) { s.name = name }) }

// WithConflate makes a message replace one with the same key that still waits in a queue, as states
// of a game do that only matter as long as they are new. The message takes the place of the one
// that it replaces, so that a key that changes often does not wait longer than others. A nil key of
// an interface type never replaces anything. A queue needs room for all keys: whether it has is
// left to [WithSlow].
//
// key is called once per message, by the publisher, and on other replicas by the bus. A panic there
// is logged, and the message is lost.
func WithConflate[T any, K comparable](key func(msg *T) K) Option {
	return hubOption(func(s *settings) {
		if key != nil {
			s.conflate = func(msg *T) any { return key(msg) }
		}
	})
}

// Presence is what a notice of [WithPresence] is about.
type Presence int

const (
	// Joined means that a member joins.
	Joined Presence = iota + 1
	// Left means that a member has left or was disconnected.
	Left
)

// WithPresence calls notice after a member has been admitted and before it receives messages, and
// after it has left. A message that notice returns is published in the room: all members see the
// arrival, the new one included, at the same place of the order. Notice must not modify the message
// later. No lock is held.
//
// A member that was disconnected is no longer in [Hub.Members] at once; notice follows when its
// call has returned.
func WithPresence[T any](notice func(m *Member[T], event Presence) *T) Option {
	return hubOption(func(s *settings) {
		if notice != nil {
			s.presence = notice
		}
	})
}

// WithGap makes a message of a loss: mark is called by the member's stream where lost messages
// are missing. Without it, losses are only counted ([Member.Lost]). If mark returns nil, nothing
// is sent.
func WithGap[T any](mark func(lost int) *T) Option {
	return hubOption(func(s *settings) {
		if mark != nil {
			s.gap = mark
		}
	})
}

// WithMaxRooms bounds the rooms that have members, instead of [DefaultMaxRooms].
func WithMaxRooms(n int) Option { return hubOption(func(s *settings) { s.maxRooms = max(n, 1) }) }

// WithMaxMembers bounds the members of a room, instead of [DefaultMaxMembers].
func WithMaxMembers(n int) Option {
	return hubOption(func(s *settings) { s.maxMembers = max(n, 1) })
}

// WithMaxPerPrincipal bounds the members that belong to one principal, in all rooms of the hub,
// instead of [DefaultMaxPerPrincipal]. Members without a principal are not counted.
func WithMaxPerPrincipal(n int) Option {
	return hubOption(func(s *settings) { s.maxPerPrincipal = max(n, 1) })
}

// WithMaxBytes limits the encoded bytes of the messages that wait in all queues, instead of
// [DefaultMaxBytes]. A message in many queues counts once. Above the limit, the queue of a member
// has room for one message only. So members that do not receive make room, and members that receive
// are not affected.
func WithMaxBytes(n int64) Option { return hubOption(func(s *settings) { s.maxBytes = max(n, 1) }) }

// WithBus connects the hub with those of other replicas.
func WithBus(bus Bus) Option { return hubOption(func(s *settings) { s.bus = bus }) }
