package limit

import (
	"context"
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// Concurrency bounds how many calls run at a time. One that [NewAdaptive] makes finds a limit of its own.
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

// The state is two numbers in one word, so that no call can come or go between a look at one and at the other: the calls
// that run, and times oneWaiting those that wait. While any wait, only what holds mu makes calls run.
const oneWaiting = 1 << 32

func unpack(state int64) (running, waiting int64) { return state & (oneWaiting - 1), state >> 32 }

// NewConcurrency returns a Concurrency of limit calls at a time, which is at least 1 and at most 2,147,483,647; what lies
// outside is taken for the nearest of them.
//
// A call that comes when all places are taken waits for its turn for at most maxWait; if that is not
// above 0, it does not wait. Calls wait in a line for each caller, first come first served, and the
// lines take turns. There is room for twice as many waiting calls as limit says, and a line may be
// as long as there is room left: a first caller fills half of it, a second half of what is left. A
// call for which there is no room is rejected at once.
func NewConcurrency(limit int, maxWait time.Duration) *Concurrency {
	c := &Concurrency{most: min(max(limit, 1), math.MaxInt32), maxWait: maxWait}
	c.room = min(2*int64(c.most), math.MaxInt32)
	c.limit.Store(int64(c.most))
	return c
}

// TryAcquire takes a place for a call if one is free and no other call waits for it, and reports
// whether it did; [Concurrency.Release] gives the place back.
//
// It changes one word atomically, and allocates nothing. So does Release, which takes a lock too if
// calls wait or the limit is adaptive.
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

// Acquire takes a place for a call, waiting for it where it may, and reports whether it has one;
// [Concurrency.Release] gives it back. The call has none when its wait ends before its turn: after
// maxWait, or with ctx. Acquire looks at ctx only to wait. caller is whose call it is; the calls of
// one caller wait in the same line. waited reports whether the call waited.
func (c *Concurrency) Acquire(ctx context.Context, caller string) (ok, waited bool) {
	if c.TryAcquire() {
		return true, false
	}
	if c.maxWait <= 0 || ctx.Err() != nil {
		return false, false
	}
	return c.wait(ctx, caller)
}

// Release gives back the place of a call, once for each that was acquired. took is how long the call
// had its place, and ok that it ended as it should; only an adaptive limit looks at them.
func (c *Concurrency) Release(took time.Duration, ok bool) {
	if c.adaptive != nil {
		c.adaptive.observe(c, took, ok)
	}
	c.release()
}

// ReleaseUnused gives back the place of a call that did no work, such as one that was rejected after
// it had its place: an adaptive limit learns nothing from it.
func (c *Concurrency) ReleaseUnused() { c.release() }

func (c *Concurrency) release() {
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
