package limit

import (
	"context"
	"time"
)

// wait queues a call. It reports whether the call's turn came, and whether it waited.
func (c *Concurrency) wait(ctx context.Context, caller string) (ok, waited bool) {
	place, ok := c.enqueue(caller)
	if place == nil {
		return ok, false
	}
	timer := time.NewTimer(c.maxWait)
	defer timer.Stop()
	select {
	case <-place.turn:
		return true, true
	case <-timer.C:
	case <-ctx.Done():
	}
	return !c.leave(place), true
}

// enqueue returns a place in the queue of a caller. If it returns none, ok reports whether the
// call may run because a place has become free; otherwise the queue has no room.
func (c *Concurrency) enqueue(caller string) (place *place, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		state := c.state.Load()
		running, waiting := unpack(state)
		switch {
		case waiting == 0 && running < c.limit.Load():
			if c.state.CompareAndSwap(state, state+1) {
				return nil, true
			}
		case c.lines.length(caller) >= c.room-waiting:
			return nil, false
		case c.state.CompareAndSwap(state, state+oneWaiting): // from here on each release sees that a call waits
			return c.lines.push(caller), false
		}
	}
}

// leave gives up a place in a queue. It returns false if its turn came at the last moment.
func (c *Concurrency) leave(p *place) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case <-p.turn:
		return false
	default:
	}
	c.lines.remove(p)
	c.state.Add(-oneWaiting)
	return true
}

// admit starts waiting calls while there is room.
func (c *Concurrency) admit() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		state := c.state.Load()
		running, waiting := unpack(state)
		if waiting == 0 || running >= c.limit.Load() {
			return
		}
		if c.state.CompareAndSwap(state, state+1-oneWaiting) {
			close(c.lines.pop().turn)
		}
	}
}
