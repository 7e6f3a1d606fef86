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
	changing sync.Mutex               // held by Set
	most     atomic.Int64             // the maximum of the current limit
	limit    atomic.Int64             // the current limit
	maxWait  atomic.Int64             // a duration
	adaptive atomic.Pointer[gradient] // nil if the limit is fixed
	state    atomic.Int64

	mu    sync.Mutex
	lines lines // of the waiting calls
}

// MaxConcurrency is the largest limit of a [Concurrency], which no process reaches.
const MaxConcurrency = math.MaxInt32

// The state is two numbers in one word, so that both change atomically: the running calls, and
// the waiting calls times oneWaiting. While calls wait, only the holder of mu starts calls.
const oneWaiting = 1 << 32

func unpack(state int64) (running, waiting int64) { return state & (oneWaiting - 1), state >> 32 }

// NewConcurrency returns a Concurrency of limit concurrent calls. limit is clamped to 1 to
// [MaxConcurrency].
//
// If no place is free, a call waits for at most maxWait, or not at all if that is 0 or less. Each
// caller has a queue, first in, first out, and the queues take turns. At most twice limit calls
// wait, and a queue may be as long as the room left: the first caller fills half of it, the
// second half of the rest. A call for which there is no room is rejected at once.
func NewConcurrency(limit int, maxWait time.Duration) *Concurrency {
	c := new(Concurrency)
	c.configure(limit, maxWait)
	c.limit.Store(c.most.Load())
	return c
}

// configure sets the maximum of the limit, and how long calls wait.
func (c *Concurrency) configure(limit int, maxWait time.Duration) {
	c.most.Store(int64(min(max(limit, 1), MaxConcurrency)))
	c.maxWait.Store(int64(maxWait))
}

// room returns how many calls may wait.
func (c *Concurrency) room() int64 { return min(2*c.most.Load(), math.MaxInt32) }

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
	if c.maxWait.Load() <= 0 || ctx.Err() != nil {
		return false, false
	}
	return c.wait(ctx, caller)
}

// Release returns the place of a call; call it once per acquired place. took is how long the call
// had its place, and ok whether it succeeded; only an adaptive limit uses them.
func (c *Concurrency) Release(took time.Duration, ok bool) {
	if g := c.adaptive.Load(); g != nil {
		g.observe(c, took, ok)
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

// Set changes the limit, how long calls wait, and whether the limit adapts to the duration of
// calls. For what they may be see [NewConcurrency] and [NewAdaptive].
//
// Running calls keep their places: a lower limit applies as they finish. Waiting calls keep their
// places in the queues and the time that they wait at most; those that a higher limit allows start
// at once. An adaptive limit that stays adaptive keeps what it has learned. One that becomes
// adaptive starts with the calls that are running, at least 10, so that Set rejects none of them.
func (c *Concurrency) Set(limit int, maxWait time.Duration, adaptive bool) {
	c.changing.Lock()
	defer c.changing.Unlock()
	old := c.adaptive.Load()
	if old != nil { // it must not set the limit meanwhile
		old.mu.Lock()
		defer old.mu.Unlock()
	}
	c.configure(limit, maxWait)
	now := c.most.Load()
	switch {
	case adaptive && old != nil:
		now = min(c.limit.Load(), now)
	case adaptive:
		now = min(max(initialLimit, int64(c.InFlight())), now)
		c.adaptive.Store(&gradient{})
	default:
		c.adaptive.Store(nil)
	}
	c.limit.Store(now)
	c.admit()
}

// InFlight returns how many calls have a place. It may exceed a limit that has just
// fallen.
func (c *Concurrency) InFlight() int {
	running, _ := unpack(c.state.Load())
	return int(running)
}

// Limit returns how many calls may have a place.
func (c *Concurrency) Limit() int { return int(c.limit.Load()) }

// Waiting returns how many calls wait for a place.
func (c *Concurrency) Waiting() int {
	_, waiting := unpack(c.state.Load())
	return int(waiting)
}

// MaxWaiting returns how many calls may wait for a place; 0 if none may.
func (c *Concurrency) MaxWaiting() int {
	if c.maxWait.Load() <= 0 {
		return 0
	}
	return int(c.room())
}

// wait queues a call. It reports whether the call's turn came, and whether it waited.
func (c *Concurrency) wait(ctx context.Context, caller string) (ok, waited bool) {
	place, ok := c.enqueue(caller)
	if place == nil {
		return ok, false
	}
	timer := time.NewTimer(time.Duration(c.maxWait.Load()))
	defer timer.Stop()
	select {
	case <-place.turn:
		return true, true
	case <-timer.C:
	case <-ctx.Done():
	}
	return !c.giveUp(place), true
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
		case c.lines.length(caller) >= c.room()-waiting:
			return nil, false
		case c.state.CompareAndSwap(state, state+oneWaiting):
			// From here on, each release sees that a call waits
			return c.lines.push(caller), false
		}
	}
}

// giveUp gives up a place in a queue. It returns false if its turn came at the last moment.
func (c *Concurrency) giveUp(p *place) bool {
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

// NewAdaptive returns a [Concurrency] whose limit follows how long calls take: between 1 and limit,
// starting with 10, or with limit if that is less. For maxWait and what limit may be see
// [NewConcurrency].
//
// Latencies are averaged over windows of as many calls as the limit allows at a time, and at least
// 64. The average is compared with the lowest of the last 32 to 64 windows, which is about what a
// call takes when nothing waits:
//
//   - Up to twice as much is normal, and the limit rises by an eighth, at least by 1.
//   - If two windows in a row are above that, the limit falls to nine tenths of what would carry
//     the same calls at the lowest latency: limit × lowest / average × 0.9, though at most to a
//     quarter at a time. This is the gradient of Netflix's concurrency-limits; nine tenths, so
//     that nothing waits and the lowest latency is measured again.
//   - If a fall did not shorten calls by a fifth, it was not their number that made them slow, but
//     something behind the method. Then this latency is the new lowest, and the limit rises again.
//
// Calls that failed count only if they took more than twice the lowest: a timeout says that calls
// are slow, an early error says nothing. A single call counts at most as 8 times the lowest. The
// time that streams last says nothing about load; use a fixed limit for them.
func NewAdaptive(limit int, maxWait time.Duration) *Concurrency {
	c := NewConcurrency(limit, maxWait)
	c.adaptive.Store(&gradient{})
	c.limit.Store(min(initialLimit, c.most.Load()))
	return c
}

// observe records the latency of a finished call, and sets the limit after the last call of a
// window.
func (g *gradient) observe(c *Concurrency, took time.Duration, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if c.adaptive.Load() != g { // Set made the limit fixed
		return
	}
	limit := c.Limit()
	if !g.add(float64(took), ok) || g.calls < max(windowCalls, limit) {
		return
	}
	average := g.sum / float64(g.calls)
	g.calls, g.sum = 0, 0
	g.remember(average)
	limit = g.adjust(limit, average, c.InFlight()-1) // without the call that finishes
	c.limit.Store(min(max(int64(limit), 1), c.most.Load()))
}
