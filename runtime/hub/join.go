package hub

import (
	"cmp"
	"context"
	"time"

	"github.com/grpcservice/grpcservice/runtime"
)

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

// newMember returns a member that has not joined yet. limits are those of the RPC's policy.
func (h *Hub[T]) newMember(
	principal *runtime.Principal, limits queueLimits, opts []MemberOption,
) *Member[T] {
	m := &Member[T]{
		hub: h, id: h.ids.Add(1), principal: principal,
		limits: &h.limits, wake: make(chan struct{}, 1), since: time.Now().UnixNano(),
	}
	var own memberSettings
	for _, opt := range opts {
		opt.applyToMember(&own)
	}
	limits = own.or(h.settings.member.queueLimits).or(limits).or(defaultLimits())
	if limits != h.limits {
		different := limits
		m.limits = &different
	}
	m.name = cmp.Or(own.name, h.settings.member.name, m.owner())
	return m
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
	h.enlist(m)
	if arrival != nil {
		if err := h.forward(ctx, m.room.key, arrival.msg); err != nil {
			return err
		}
	}
	announced = true
	return nil
}

// add adds a member, and publishes its arrival if that is not nil.
func (r *room[T]) add(ctx context.Context, m *Member[T], arrival *envelope[T]) error {
	if err := r.lock(ctx); err != nil {
		return err
	}
	if err := m.left(); err != nil { // by the notice of its arrival
		r.mu.Unlock()
		return err
	}
	m.joined, m.index = true, len(r.members)
	r.members = append(r.members, m)
	if arrival == nil {
		r.mu.Unlock()
		return nil
	}
	_ = r.deliver(ctx, arrival, r.members, 0) // the member has joined even if ctx ends meanwhile
	return nil
}
