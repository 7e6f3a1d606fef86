package hub

import (
	"context"
	"time"
)

// pushed is what has become of a message for one member.
type pushed int

const (
	skipped pushed = iota // the member is not to have it, has left, or has lost it
	queued
	full    // the queue has no room and the member blocks
	overrun // the member's stream was ended, because the queue has no room
)

// push puts a message into the queue. In a hub whose queues have too many bytes, a queue has room
// for one message.
func (m *Member[T]) push(env *envelope[T], tight bool) pushed {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.pushLocked(env, tight)
}

func (m *Member[T]) pushLocked(env *envelope[T], tight bool) pushed {
	if m.ended {
		return skipped
	}
	size := env.size()
	if had := m.queue.same(env); had != nil && m.fitsFor(had, size) {
		m.merged++
		m.hub.counts.conflated.Add(1)
		m.hub.release(m.queue.replace(had, env, size), 1)
		return queued
	}
	for !m.fits(size, tight) {
		switch m.limits.slow {
		case DropOldest:
			m.loseLocked(1)
			m.hub.release(m.queue.drop(), 1)
		case DropNewest:
			m.loseLocked(1)
			m.queue.lost++
			return skipped
		case Block:
			return full
		default:
			m.finishLocked(errSlow)
			m.hub.counts.disconnected[Disconnect].Add(1)
			return overrun
		}
	}
	m.queue.put(env, size)
	m.rouse()
	return queued
}

// fits reports whether the queue has room for a message. An empty one has room for any.
func (m *Member[T]) fits(size int64, tight bool) bool {
	q := &m.queue
	return q.len == 0 || !tight && q.len < m.limits.messages && q.bytes+size <= m.limits.bytes
}

// fitsFor reports whether the queue has room for a message instead of another.
func (m *Member[T]) fitsFor(had *entry[T], size int64) bool {
	more := size - had.size
	return more <= 0 || m.queue.len == 1 || m.queue.bytes+more <= m.limits.bytes
}

// pushWithin waits up to d until the queue has room, and ends the member's stream if it still has
// none. If ctx ends first, the result is full.
func (m *Member[T]) pushWithin(ctx context.Context, env *envelope[T], d time.Duration) pushed {
	expired, stop := timer(d)
	defer stop()
	for {
		result, space := m.pushOrWait(env)
		if result != full {
			return result
		}
		select {
		case <-space:
		case <-ctx.Done():
			return full
		case <-expired:
			if m.finish(errSlow) {
				m.hub.counts.disconnected[Block].Add(1)
				return overrun
			}
			return skipped
		}
	}
}

// pushOrWait is push, with a channel that is closed when the queue has room.
func (m *Member[T]) pushOrWait(env *envelope[T]) (pushed, <-chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	result := m.pushLocked(env, m.hub.bytes.Load() > m.hub.settings.maxBytes)
	if result == full && m.space == nil {
		m.space = make(chan struct{})
	}
	return result, m.space
}

// lose marks a loss of n messages.
func (m *Member[T]) lose(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ended {
		return
	}
	m.lost += int64(n)
	m.queue.lost += n
	m.rouse()
}

// loseLocked counts messages that the policy of the queue loses; m is locked.
func (m *Member[T]) loseLocked(n int64) {
	m.lost += n
	m.hub.counts.lost[m.limits.slow].Add(n)
}
