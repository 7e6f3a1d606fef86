package limit

import (
	"container/list"
	"context"
	"time"
)

// wait queues a call and reports whether its turn came.
func (c *Concurrency) wait(ctx context.Context) bool {
	if ctx.Err() != nil {
		return false
	}
	place, ok := c.enqueue()
	if place == nil {
		return ok
	}
	timer := time.NewTimer(c.maxWait)
	defer timer.Stop()
	select {
	case <-turn(place):
		return true
	case <-timer.C:
	case <-ctx.Done():
	}
	return !c.leave(place)
}

// turn is closed when the turn of a place in the queue has come.
func turn(place *list.Element) chan struct{} { return place.Value.(chan struct{}) }

// enqueue returns a place in the queue; or none, and whether the call may run because there is room by now. If not, the
// queue is full.
func (c *Concurrency) enqueue() (place *list.Element, ok bool) {
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
		case waiting >= int64(c.most):
			return nil, false
		case c.state.CompareAndSwap(state, state+oneWaiting): // from here on each Release sees that somebody waits
			return c.queue.PushBack(make(chan struct{})), false
		}
	}
}

// leave gives up a place in the queue, and reports false if its turn came at the last moment.
func (c *Concurrency) leave(place *list.Element) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case <-turn(place):
		return false
	default:
	}
	c.queue.Remove(place)
	c.state.Add(-oneWaiting)
	return true
}

// admit lets those run that wait and for whom there is room.
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
			close(turn(c.queue.Front()))
			c.queue.Remove(c.queue.Front())
		}
	}
}
