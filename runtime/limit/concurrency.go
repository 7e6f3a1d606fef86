package limit

import (
	"container/list"
	"context"
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// Concurrency bounds how many calls run at a time. One that [NewAdaptive] makes finds a limit of its own.
type Concurrency struct {
	most     int
	limit    atomic.Int64 // now; at most most
	maxWait  time.Duration
	adaptive *gradient // nil where the limit is fixed
	state    atomic.Int64

	mu    sync.Mutex
	queue list.List // of chan struct{}, closed when the turn has come
}

// The state is two numbers in one word, so that no call can come or go between a look at one and at the other: the calls
// that run, and times oneWaiting those that wait. While any wait, only what holds mu makes calls run.
const oneWaiting = 1 << 32

func unpack(state int64) (running, waiting int64) { return state & (oneWaiting - 1), state >> 32 }

// NewConcurrency returns a Concurrency of limit calls at a time, which is at least 1 and at most 2,147,483,647; what lies
// outside is taken for the nearest of them.
//
// A call that comes when all places are taken waits for its turn, first come first served, for at most maxWait; if that is
// not above 0, it does not wait. As many calls may wait as limit says; more are refused at once.
func NewConcurrency(limit int, maxWait time.Duration) *Concurrency {
	c := &Concurrency{most: min(max(limit, 1), math.MaxInt32), maxWait: maxWait}
	c.limit.Store(int64(c.most))
	return c
}

// Acquire takes a place for a call, waiting for it where it may, and reports whether it has one; [Concurrency.Release] gives
// it back. It does not when the wait ends before its turn: after maxWait, or with ctx. It looks at ctx only to wait.
//
// For a call that need not wait it changes one word atomically, and allocates nothing. So does Release, which takes a lock
// too if calls wait or the limit is adaptive.
func (c *Concurrency) Acquire(ctx context.Context) (ok bool) {
	for {
		state := c.state.Load()
		if running, waiting := unpack(state); waiting > 0 || running >= c.limit.Load() {
			break
		}
		if c.state.CompareAndSwap(state, state+1) {
			return true
		}
	}
	return c.maxWait > 0 && c.wait(ctx)
}

// Release gives back the place of a call, once for each [Concurrency.Acquire] that returned true. took is how long the call
// had its place, and ok that it ended as it should; only an adaptive limit looks at them.
func (c *Concurrency) Release(took time.Duration, ok bool) {
	if c.adaptive != nil {
		c.adaptive.observe(c, took, ok)
	}
	if _, waiting := unpack(c.state.Add(-1)); waiting > 0 {
		c.admit()
	}
}

// InFlight is how many calls have a place now. It may be above an adaptive limit that has just fallen.
func (c *Concurrency) InFlight() int {
	running, _ := unpack(c.state.Load())
	return int(running)
}

// Limit is how many calls may have a place now.
func (c *Concurrency) Limit() int { return int(c.limit.Load()) }
