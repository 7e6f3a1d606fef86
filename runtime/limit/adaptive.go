package limit

import (
	"sync"
)

const (
	initialLimit = 10
	windowCalls  = 64
	generation   = 32 // windows after which the lowest average, or the one before it, is forgotten
	tolerance    = 2  // averages up to this multiple of the lowest are normal
	clip         = 8  // a call counts at most as this multiple of the lowest
	headroom     = 0.9
	deepest      = 0.25 // the part of the limit that remains at least
	// After a fall, this multiple of the calls in flight finish before most of them started after
	// it
	settle = 3
	helped = 0.8 // a fall helped if calls take at most this part of what they took before
)

// gradient computes the limit of an adaptive Concurrency. Latencies are in nanoseconds; an
// average of 0 means none yet.
type gradient struct {
	mu       sync.Mutex
	skip     int        // remaining calls that may have started before the limit fell
	calls    int        // in this window
	sum      float64    // of their latencies
	windows  int        // in this generation
	lowest   [2]float64 // averages of this generation of windows, and of the previous one
	slow     bool       // the last window was above normal
	fellFrom float64    // the average that made the limit fall, until the first window after
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
