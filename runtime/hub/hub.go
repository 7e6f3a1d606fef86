package hub

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"google.golang.org/protobuf/proto"

	"github.com/grpcservice/grpcservice/runtime"
)

// Hub delivers messages of Go type T to the members of rooms. Its methods may be called
// concurrently. A hub has no goroutines and needs no Close; rooms without members take no memory.
type Hub[T any] struct {
	settings settings
	limits   queueLimits // of members without limits of their own
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

// Join adds a member to a room, with the principal of ctx's call. The member must [Member.Leave].
//
// A room key that is empty or longer than 256 bytes is INVALID_ARGUMENT. A limit of the hub that
// is exceeded is RESOURCE_EXHAUSTED, with the reason ROOM_FULL, TOO_MANY_ROOMS or
// TOO_MANY_MEMBERSHIPS, and a bus that cannot subscribe is UNAVAILABLE.
func (h *Hub[T]) Join(ctx context.Context, key string, opts ...MemberOption) (*Member[T], error) {
	return h.join(ctx, key, queueLimits{}, opts)
}

// join is Join for an RPC whose policy has limits.
func (h *Hub[T]) join(
	ctx context.Context, key string, limits queueLimits, opts []MemberOption,
) (*Member[T], error) {
	if h.err != nil {
		return nil, h.err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if wrong := checkKey(key); wrong != "" {
		return nil, invalidKey("room", wrong)
	}
	m := h.newMember(runtime.OriginOf(ctx).Principal, limits, opts)
	r, err := h.enter(key, m.owner())
	if err != nil {
		return nil, err
	}
	m.room = r
	if err := h.admit(ctx, m); err != nil {
		return nil, err
	}
	return m, nil
}

// admit adds a member to its room and announces it, or undoes what it has done.
func (h *Hub[T]) admit(ctx context.Context, m *Member[T]) error {
	admitted, announced := false, false
	defer func() { // also if the bus or the notice panics
		switch {
		case !admitted:
			h.exit(m.room, m.owner())
		case !announced:
			m.leave(ctx, nil)
		}
	}()
	if err := m.room.feed.ensure(ctx, m.room); err != nil {
		return err
	}
	arrival, err := h.notice(m, Joined)
	if err != nil {
		return err
	}
	if err := m.room.add(ctx, m, arrival); err != nil {
		_, _ = h.notice(m, Left)
		return err
	}
	admitted = true
	if arrival != nil {
		if err := h.forward(ctx, m.room.key, arrival.msg); err != nil {
			return err
		}
	}
	announced = true
	return nil
}
