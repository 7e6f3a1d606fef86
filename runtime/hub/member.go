package hub

import (
	"cmp"
	"context"
	"time"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/callctx"
	"github.com/grpcservice/grpcservice/runtime/internal/encoded"
)

// Room returns the key of the member's room.
func (m *Member[T]) Room() string { return m.room.key }

// Name returns the name of [WithMemberName], or the ID of the principal; empty without either.
func (m *Member[T]) Name() string { return m.name }

// Principal returns the principal of the call that joined; nil if there is none.
func (m *Member[T]) Principal() *runtime.Principal { return m.principal }

// owner returns the ID of the principal.
func (m *Member[T]) owner() string {
	if m.principal == nil {
		return ""
	}
	return m.principal.ID
}

// left returns the error with which the stream of the member has ended: ErrLeft if it ended without
// one, and nil if it has not ended.
func (m *Member[T]) left() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.ended {
		return nil
	}
	return cmp.Or(m.end, ErrLeft)
}

// failure returns the error with which the stream of the member was ended.
func (m *Member[T]) failure() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.end
}

// Disconnect removes the member from its room; its stream fails with err. It is for moderators.
// The notice of [WithPresence] is called by [Member.Leave].
func (m *Member[T]) Disconnect(err error) { m.withdraw(err) }

// Lost returns how many messages the queue has lost.
func (m *Member[T]) Lost() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.lost
}

// Conflated returns how many messages were replaced by newer ones with the same key.
func (m *Member[T]) Conflated() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.merged
}

// Queued returns how many messages wait, and their encoded bytes.
func (m *Member[T]) Queued() (messages int, bytes int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.queue.len, m.queue.bytes
}

// Messages returns the messages of the member as they arrive. The stream ends when the member
// leaves, fails if the member is disconnected, with the error of ctx, and with
// [runtime.ErrDraining] as soon as the server of ctx's call drains. Breaking out of the range does
// not leave the room; the next range continues.
func (m *Member[T]) Messages(ctx context.Context) runtime.Stream[T] {
	return func(yield func(*T, error) bool) {
		draining, call := runtime.Draining(ctx), encoded.SenderOf(ctx)
		for {
			next, ok, err := m.next(ctx, draining)
			switch {
			case err != nil:
				yield(nil, err)
				return
			case !ok || !m.yield(call, next, yield):
				return
			}
		}
	}
}

// yield yields an entry of the queue, and before it what was lost.
func (m *Member[T]) yield(call encoded.Sender, next entry[T], yield func(*T, error) bool) bool {
	if next.lost > 0 && m.hub.gap != nil {
		if mark := m.hub.gap(next.lost); mark != nil && !yield(mark, nil) {
			return false
		}
	}
	env := next.env
	if env == nil {
		return true
	}
	encoded.Next(call, &env.shared)
	return yield(env.msg, nil)
}

// next waits for an entry; false at the end of the stream.
func (m *Member[T]) next(ctx context.Context, draining <-chan struct{}) (entry[T], bool, error) {
	for {
		select {
		case <-draining:
			return entry[T]{}, false, runtime.ErrDraining
		default:
		}
		if next, ok, ended, err := m.take(); ok || ended {
			return next, ok, err
		}
		select {
		case <-m.wake:
		case <-draining:
		case <-ctx.Done():
			return entry[T]{}, false, ctx.Err()
		}
	}
}

// take takes the first entry of the queue.
func (m *Member[T]) take() (next entry[T], ok, ended bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if next, ok = m.queue.take(); !ok {
		m.idle = !m.ended
		return next, false, m.ended, m.end
	}
	m.makeRoom()
	if next.env != nil {
		m.hub.release(next.env, 1)
	}
	return next, true, false, nil
}

// finish ends the stream of the member, and empties its queue; false if it had ended.
func (m *Member[T]) finish(err error) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.finishLocked(err)
}

func (m *Member[T]) finishLocked(err error) bool {
	first := !m.ended
	if first {
		m.ended, m.end = true, err
	}
	for m.queue.len > 0 {
		first, _ := m.queue.take()
		m.hub.release(first.env, 1)
	}
	m.queue = queue[T]{}
	m.makeRoom()
	m.rouse()
	return first
}

// retire removes the member from its room; its stream ends after the messages that wait.
func (m *Member[T]) retire() {
	m.mu.Lock()
	first := !m.ended
	m.ended = true
	m.makeRoom()
	m.rouse()
	m.mu.Unlock()
	if first {
		m.detach()
	}
}

// withdraw ends the stream and removes the member from its room; false if it had ended.
func (m *Member[T]) withdraw(err error) bool {
	if !m.finish(err) {
		return false
	}
	m.detach()
	return true
}

// detach removes a member whose stream has ended from its room.
func (m *Member[T]) detach() {
	m.room.mu.Lock()
	joined := m.joined
	if joined {
		m.room.remove(m)
	}
	m.room.mu.Unlock()
	if joined { // else Join exits
		m.delisted()
		m.hub.exit(m.room, m.owner())
	}
}

// makeRoom wakes a waiting publisher; m is locked.
func (m *Member[T]) makeRoom() {
	if m.space != nil {
		close(m.space)
		m.space = nil
	}
}

// rouse wakes a reader that waits; m is locked.
func (m *Member[T]) rouse() {
	if m.idle {
		m.idle = false
		select {
		case m.wake <- struct{}{}:
		default:
		}
	}
}

// timer returns a channel that fires after d, which may have passed.
func timer(d time.Duration) (<-chan time.Time, func() bool) {
	t := time.NewTimer(max(d, 0))
	return t.C, t.Stop
}

// lateYield reports that an iterator of a handler yields after its end.
func lateYield(ctx context.Context) func() { return func() { callctx.LateYield(ctx) } }
