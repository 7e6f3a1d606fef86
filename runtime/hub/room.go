package hub

import (
	"context"
	"time"
)

// lock locks the room when no publisher waits for queues, so that all members receive messages in
// the same order.
func (r *room[T]) lock(ctx context.Context) error {
	for {
		r.mu.Lock()
		busy := r.busy
		if busy == nil {
			return nil
		}
		r.mu.Unlock()
		select {
		case <-busy:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// publish delivers a message to all members but one.
func (r *room[T]) publish(ctx context.Context, env *envelope[T], except uint64) error {
	if err := r.lock(ctx); err != nil {
		return err
	}
	return r.deliver(ctx, env, r.members, except)
}

// send delivers a message to one member.
func (r *room[T]) send(ctx context.Context, env *envelope[T], m *Member[T]) error {
	if err := r.lock(ctx); err != nil {
		return err
	}
	return r.deliver(ctx, env, []*Member[T]{m}, 0)
}

// deliver puts a message into the queues of members, and unlocks the room. It then waits for
// members that block.
func (r *room[T]) deliver(
	ctx context.Context, env *envelope[T], to []*Member[T], except uint64,
) error {
	h := r.hub
	h.hold(env, len(to))
	gone, blocked, unused := r.push(env, to, except)
	busy := r.setBusy(len(blocked) > 0)
	r.mu.Unlock()
	for _, m := range gone {
		m.delisted()
		h.exit(r, m.owner())
	}
	var err error
	if busy != nil {
		var lost int
		lost, err = r.await(ctx, env, blocked)
		unused += lost
		r.free(busy)
	}
	h.release(env, unused)
	return err
}

// push puts a message into the queues of members, and removes those that are overrun. unused counts
// the holds on env that no queue has, including the publisher's; r is locked.
func (r *room[T]) push(
	env *envelope[T], to []*Member[T], except uint64,
) (gone, blocked []*Member[T], unused int) {
	tight := r.hub.bytes.Load() > r.hub.settings.maxBytes
	unused = 1
	for i := len(to) - 1; i >= 0; i-- { // from the end, where remove takes the replacement from
		m, result := to[i], skipped
		if m.id != except {
			result = m.push(env, tight)
		}
		switch result {
		case queued:
		case full:
			blocked = append(blocked, m)
		case overrun:
			unused++
			if m.joined { // else Join exits
				r.remove(m)
				gone = append(gone, m)
			}
		default:
			unused++
		}
	}
	return gone, blocked, unused
}

// setBusy marks a locked room, so that no message overtakes the one that waits.
func (r *room[T]) setBusy(wait bool) chan struct{} {
	if wait {
		r.busy = make(chan struct{})
	}
	return r.busy
}

func (r *room[T]) free(busy chan struct{}) {
	r.mu.Lock()
	r.busy = nil
	r.mu.Unlock()
	close(busy)
}

// await waits until members have room for a message, and returns how many did not receive it.
func (r *room[T]) await(
	ctx context.Context, env *envelope[T], members []*Member[T],
) (lost int, err error) {
	start := time.Now()
	for _, m := range members {
		result := m.pushWithin(ctx, env, m.limits.block-time.Since(start))
		if result == queued {
			continue
		}
		lost++
		switch result {
		case overrun:
			m.detach()
		case full:
			err = ctx.Err()
			m.lose(1)
			r.hub.counts.lost[Block].Add(1)
		}
	}
	return lost, err
}

// lose marks a loss of n messages in the queues of all members.
func (r *room[T]) lose(ctx context.Context, n int) {
	if r.lock(ctx) != nil {
		return
	}
	defer r.mu.Unlock()
	for _, m := range r.members {
		m.lose(n)
	}
}
