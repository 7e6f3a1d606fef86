package limit

import (
	"sync"
	"time"
)

// NewAdaptive returns a [Concurrency] whose limit follows how long calls take: between 1 and limit, starting with 10, or
// with limit if that is less. For maxWait and what limit may be see [NewConcurrency].
//
// Latencies are averaged over windows of as many calls as the limit allows at a time, and at least 64. The average is compared
// with the lowest of the last 32 to 64 windows, which is about what a call takes when nothing waits:
//
//   - Up to twice as much is normal, and the limit rises by an eighth, at least by 1.
//   - If two windows in a row are above that, the limit falls to nine tenths of what would carry
//     the same calls at the lowest latency: limit × lowest / average × 0.9, though at most to a
//     quarter at a time. This is the gradient of Netflix's concurrency-limits; nine tenths, so
//     that nothing waits and the lowest latency is measured again.
//   - If a fall did not shorten calls by a fifth, it was not their number that made them slow, but
//     something behind the method. Then this latency is the new lowest, and the limit rises again.
//
// Calls that failed count only if they took more than twice the lowest: a timeout says that calls are slow, an early error
// says nothing. A single call counts at most as 8 times the lowest. The time that streams last says nothing about load; use
// a fixed limit for them.
func NewAdaptive(limit int, maxWait time.Duration) *Concurrency {
	c := NewConcurrency(limit, maxWait)
	c.adaptive = &gradient{}
	c.limit.Store(int64(min(initialLimit, c.most)))
	return c
}

const (
	initialLimit = 10
	windowCalls  = 64
	generation   = 32 // windows, after which the lowest average is forgotten, or the one before it
	tolerance    = 2  // averages up to so many times the lowest are normal
	clip         = 8  // a call counts at most so many times the lowest
	headroom     = 0.9
	deepest      = 0.25 // of the limit remains at least
	settle       = 3    // times as many calls as are in flight end before most of them began after a fall
	helped       = 0.8  // a fall helped if calls take at most so much of what they took
)

// gradient computes the limit of an adaptive Concurrency. Latencies are in nanoseconds; an
// average of 0 means none yet.
type gradient struct {
	mu       sync.Mutex
	skip     int        // calls to come that may have begun before the limit fell
	calls    int        // in this window
	sum      float64    // of their latencies
	windows  int        // in this generation
	lowest   [2]float64 // average of this generation of windows, and of the one before
	slow     bool       // the last window was above what is normal
	fellFrom float64    // average that made the limit fall, until the first window after
}

// observe records the latency of a finished call, and sets the limit after the last call of a
// window.
func (g *gradient) observe(c *Concurrency, took time.Duration, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	limit := c.Limit()
	if !g.add(float64(took), ok) || g.calls < max(windowCalls, limit) {
		return
	}
	average := g.sum / float64(g.calls)
	g.calls, g.sum = 0, 0
	g.remember(average)
	limit = g.adjust(limit, average, c.InFlight()-1) // without the call that ends
	c.limit.Store(int64(min(max(limit, 1), c.most)))
}

// add counts a latency in the window. It returns false if the latency does not count.
func (g *gradient) add(latency float64, ok bool) bool {
	lowest := g.baseline()
	switch {
	case g.skip > 0:
		g.skip--
		return false
	case !ok && (lowest == 0 || latency <= tolerance*lowest):
		return false
	case lowest > 0:
		latency = min(latency, clip*lowest)
	}
	g.calls++
	g.sum += max(1, latency)
	return true
}

// baseline returns the lowest average that is remembered.
func (g *gradient) baseline() float64 {
	if g.lowest[0] == 0 || g.lowest[1] == 0 {
		return max(g.lowest[0], g.lowest[1])
	}
	return min(g.lowest[0], g.lowest[1])
}

// remember includes the average of a window in the lowest.
func (g *gradient) remember(average float64) {
	if g.fellFrom > 0 && average > helped*g.fellFrom {
		g.lowest, g.windows, g.slow = [2]float64{}, 0, false
	}
	g.fellFrom = 0
	if g.windows++; g.windows > generation {
		g.lowest, g.windows = [2]float64{0, g.lowest[0]}, 1
	}
	if g.lowest[0] == 0 || average < g.lowest[0] {
		g.lowest[0] = average
	}
}

// adjust returns the limit after a window with the average, with inFlight running calls.
func (g *gradient) adjust(limit int, average float64, inFlight int) int {
	lowest, wasSlow := g.baseline(), g.slow
	g.slow = average > tolerance*lowest
	switch {
	case !g.slow:
		return limit + max(1, limit/8)
	case !wasSlow:
		return limit
	}
	g.fellFrom, g.skip, g.slow = average, settle*inFlight, false
	return int(float64(limit) * max(deepest, headroom*lowest/average))
}
