package limit

import (
	"context"
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// Concurrency bounds how many calls run at a time. With [NewAdaptive] it determines the limit
// itself. It is safe for concurrent use.
type Concurrency struct {
	most     int
	room     int64        // for waiting calls
	limit    atomic.Int64 // now; at most most
	maxWait  time.Duration
	adaptive *gradient // nil where the limit is fixed
	state    atomic.Int64

	mu    sync.Mutex
	lines lines // of the calls that wait
}

// The state is two numbers in one word, so that both change atomically: the running calls, and
// the waiting calls times oneWaiting. While calls wait, only the holder of mu starts calls.
const oneWaiting = 1 << 32

func unpack(state int64) (running, waiting int64) { return state & (oneWaiting - 1), state >> 32 }

// NewConcurrency returns a Concurrency of limit concurrent calls. limit is clamped to 1 to
// 2,147,483,647.
//
// If no place is free, a call waits for at most maxWait, or not at all if that is 0 or less. Each
// caller has a queue, first in, first out, and the queues take turns. At most twice limit calls
// wait, and a queue may be as long as the room left: the first caller fills half of it, the
// second half of the rest. A call for which there is no room is rejected at once.
func NewConcurrency(limit int, maxWait time.Duration) *Concurrency {
	c := &Concurrency{most: min(max(limit, 1), math.MaxInt32), maxWait: maxWait}
	c.room = min(2*int64(c.most), math.MaxInt32)
	c.limit.Store(int64(c.most))
	return c
}

// TryAcquire takes a place if one is free and no call waits for it, and reports whether it did.
// [Concurrency.Release] returns the place.
//
// It changes one word atomically and allocates nothing. So does Release, which also takes a lock
// if calls wait or the limit is adaptive.
func (c *Concurrency) TryAcquire() bool {
	for {
		state := c.state.Load()
		if running, waiting := unpack(state); waiting > 0 || running >= c.limit.Load() {
			return false
		}
		if c.state.CompareAndSwap(state, state+1) {
			return true
		}
	}
}

// Acquire takes a place, waiting for it if allowed, and reports whether it has one as ok.
// [Concurrency.Release] returns the place. The wait ends without a place after maxWait or when
// ctx ends; Acquire checks ctx only while waiting. caller identifies the queue: the calls of one
// caller wait in the same one. waited reports whether the call waited.
func (c *Concurrency) Acquire(ctx context.Context, caller string) (ok, waited bool) {
	if c.TryAcquire() {
		return true, false
	}
	if c.maxWait <= 0 || ctx.Err() != nil {
		return false, false
	}
	return c.wait(ctx, caller)
}

// Release returns the place of a call; call it once per acquired place. took is how long the call
// had its place, and ok whether it succeeded; only an adaptive limit uses them.
func (c *Concurrency) Release(took time.Duration, ok bool) {
	if c.adaptive != nil {
		c.adaptive.observe(c, took, ok)
	}
	c.release()
}

// ReleaseUnused returns the place of a call that did no work, such as one rejected after it
// acquired its place. An adaptive limit ignores it.
func (c *Concurrency) ReleaseUnused() { c.release() }

func (c *Concurrency) release() {
	if _, waiting := unpack(c.state.Add(-1)); waiting > 0 {
		c.admit()
	}
}

// InFlight returns how many calls have a place. It may exceed an adaptive limit that has just
// fallen.
func (c *Concurrency) InFlight() int {
	running, _ := unpack(c.state.Load())
	return int(running)
}

// Limit returns how many calls may have a place.
func (c *Concurrency) Limit() int { return int(c.limit.Load()) }
