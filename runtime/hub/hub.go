package hub

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/grpcservice/grpcservice/runtime"
)

// Hub delivers messages of Go type T to the members of rooms. Its methods may be called
// concurrently. A hub has no goroutines and needs no Close; rooms without members take no memory.
type Hub[T any] struct {
	settings settings
	limits   queueLimits // of members that set none
	err      error       // a mistake in the options, returned by Join and Publish
	conflate func(*T) any
	presence func(*Member[T], Presence) *T
	gap      func(int) *T
	origin   origin
	ids      atomic.Uint64
	bytes    atomic.Int64 // of the messages in queues
	counts   counts

	mu      sync.RWMutex // never held together with the lock of a room
	rooms   map[string]*room[T]
	members int
	owners  map[string]int // members of each principal
}

// Member is a member of a room, with a queue of messages. Its methods may be called concurrently,
// except that only one goroutine may range over its messages at a time.
type Member[T any] struct {
	hub       *Hub[T]
	room      *room[T]
	id        uint64
	name      string
	principal *runtime.Principal
	limits    *queueLimits
	joined    bool // whether the room has had it; protected by the lock of the room
	index     int  // in the room; protected by its lock
	wake      chan struct{}

	mu       sync.Mutex
	queue    queue[T]
	idle     bool          // a reader waits for wake
	space    chan struct{} // closed when the queue has room; nil if no publisher waits
	ended    bool
	end      error // how its stream ends
	lost     int64
	merged   int64
	since    int64       // when it joined, in nanoseconds of Unix time
	delist   func()      // removes it from the roster; nil if it is not there
	notified atomic.Bool // whether the notice that the member has left was called
}

// room is a room with members.
type room[T any] struct {
	hub     *Hub[T]
	key     string
	entered int // members, and those about to join; protected by the lock of the hub
	feed    feed[T]

	mu      sync.Mutex // held to put messages into queues, never while anything is called or awaited
	members []*Member[T]
	busy    chan struct{} // closed when the publisher that waits for queues is done; nil without one
}

// counts are the counters of a hub.
type counts struct {
	published, conflated              atomic.Int64
	busReceived, busLost, busFailures atomic.Int64
	lost, disconnected                [Block + 1]atomic.Int64 // by policy
}

// New returns a hub. If an option has a function for messages of another type than T, Join and
// Publish return INTERNAL.
func New[T any](opts ...Option) *Hub[T] {
	h := &Hub[T]{rooms: make(map[string]*room[T]), owners: make(map[string]int)}
	h.settings = settings{
		maxRooms: DefaultMaxRooms, maxMembers: DefaultMaxMembers,
		maxPerPrincipal: DefaultMaxPerPrincipal, maxBytes: DefaultMaxBytes,
	}
	for _, opt := range opts {
		opt.applyToHub(&h.settings)
	}
	h.limits = h.settings.member.or(defaultLimits())
	h.origin = newOrigin()
	h.err = h.check()
	if h.settings.roster != nil {
		h.settings.roster.Notify(h.expired)
	}
	return h
}

// check takes the functions of the options.
func (h *Hub[T]) check() error {
	if _, ok := any((*T)(nil)).(proto.Message); !ok {
		return misuse("%T is not a message", (*T)(nil))
	}
	return cmp.Or(
		typed(h.settings.conflate, &h.conflate, "WithConflate"),
		typed(h.settings.presence, &h.presence, "WithPresence"),
		typed(h.settings.gap, &h.gap, "WithGap"),
	)
}

// typed sets a function of a hub to that of an option, if there is one.
func typed[F any](fn any, to *F, option string) error {
	if fn == nil {
		return nil
	}
	typed, ok := fn.(F)
	if !ok {
		return misuse("%s has %T, want %T", option, fn, *to)
	}
	*to = typed
	return nil
}

// Members returns the members of a room in the order in which they joined.
func (h *Hub[T]) Members(key string) []*Member[T] {
	r := h.roomOf(key)
	if r == nil {
		return nil
	}
	members := r.snapshot()
	slices.SortFunc(members, func(a, b *Member[T]) int { return cmp.Compare(a.id, b.id) })
	return members
}

// Stats are numbers of a hub.
type Stats struct {
	// Rooms have members.
	Rooms int
	// Members are in all rooms.
	Members int
	// Bytes are those of the messages in all queues; a message in many queues counts once.
	Bytes int64
}

// Stats returns the present numbers of the hub.
func (h *Hub[T]) Stats() Stats {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return Stats{Rooms: len(h.rooms), Members: h.members, Bytes: h.bytes.Load()}
}

// roomOf returns the room with a key; nil if it has no members.
func (h *Hub[T]) roomOf(key string) *room[T] {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.rooms[key]
}

// enter counts a member that is about to join, and returns its room.
func (h *Hub[T]) enter(key, owner string) (*room[T], error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	limits := &h.settings
	if owner != "" && h.owners[owner] >= limits.maxPerPrincipal {
		return nil, exhausted(ReasonTooManyMemberships, limits.maxPerPrincipal,
			"the caller is a member of %d rooms, the maximum; leave one first")
	}
	r := h.rooms[key]
	switch {
	case r == nil && len(h.rooms) >= limits.maxRooms:
		return nil, exhausted(ReasonTooManyRooms, limits.maxRooms, "there are %d rooms, the maximum")
	case r == nil:
		r = &room[T]{hub: h, key: key}
		h.rooms[key] = r
	case r.entered >= limits.maxMembers:
		return nil, exhausted(ReasonRoomFull, limits.maxMembers, "the room has %d members, the maximum")
	}
	r.entered++
	h.members++
	if owner != "" {
		h.owners[owner]++
	}
	return r, nil
}

// exit undoes enter. A room whose last member leaves is gone.
func (h *Hub[T]) exit(r *room[T], owner string) {
	h.mu.Lock()
	h.members--
	if owner != "" {
		if h.owners[owner]--; h.owners[owner] == 0 {
			delete(h.owners, owner)
		}
	}
	r.entered--
	last := r.entered == 0
	if last {
		delete(h.rooms, r.key)
	}
	h.mu.Unlock()
	if last {
		r.feed.close()
	}
}

func (r *room[T]) snapshot() []*Member[T] {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.members)
}

// remove removes a member; r is locked.
func (r *room[T]) remove(m *Member[T]) {
	last := len(r.members) - 1
	moved := r.members[last]
	r.members[m.index], moved.index = moved, m.index
	r.members[last] = nil
	r.members = r.members[:last]
	if 4*last < cap(r.members) && cap(r.members) > 64 {
		r.members = slices.Clone(r.members) // a room that was large once
	}
}

// hold counts the message in n queues, and for its publisher.
func (h *Hub[T]) hold(env *envelope[T], n int) {
	env.shared.SendTo(n)
	env.uses.Store(int64(n) + 1)
	h.bytes.Add(env.size())
}

// release takes a message out of n queues.
func (h *Hub[T]) release(env *envelope[T], n int) {
	if env.uses.Add(int64(-n)) == 0 {
		h.bytes.Add(-env.size())
	}
}

// busFailed counts an error of the bus, and returns UNAVAILABLE.
func (h *Hub[T]) busFailed(cause error) error {
	h.counts.busFailures.Add(1)
	return ReasonBusFailed.Errorf(codes.Unavailable, "rooms are not connected to other replicas").
		WithCause(cause)
}
