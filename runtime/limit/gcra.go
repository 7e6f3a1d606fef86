package limit

import (
	"math"
	"math/bits"
	"time"
)

// gcra is the generic cell rate algorithm: a token bucket whose whole state is one number, the
// theoretical arrival time (TAT) at which the bucket will be full again. Each call advances the
// TAT by interval; a call that would advance it further than span ahead of now is rejected.
//
// Times are ticks since epoch. A tick is a nanosecond or, for a bucket that takes more than 36
// years to fill, 2 to the power of shift nanoseconds, so that nothing overflows.
type gcra struct {
	epoch    time.Time
	shift    uint
	interval int64 // ticks between calls
	span     int64 // ticks in which an empty bucket fills: burst times interval
}

const (
	maxSpan  = 1 << 60 // 36 years of nanoseconds
	maxTicks = 1 << 61 // 73 years, either side of epoch
	longAgo  = -1 << 62
)

// newGCRA returns the algorithm for perSecond calls a second with the given burst.
func newGCRA(perSecond float64, burst int) gcra {
	interval := float64(maxSpan)
	if perSecond > 0 { // which NaN is not
		interval = min(interval, float64(time.Second)/perSecond)
	}
	calls := min(max(int64(burst), 1), math.MaxInt32)
	g := gcra{epoch: time.Now()}
	for ; interval*float64(calls) > maxSpan; interval /= 2 {
		g.shift++
	}
	g.interval = max(1, int64(math.Round(interval)))
	g.span = g.interval * calls
	return g
}

// changed returns the algorithm for another rate and burst, on the same clock.
func (g *gcra) changed(perSecond float64, burst int) gcra {
	to := newGCRA(perSecond, burst)
	to.epoch = g.epoch
	return to
}

// same reports whether two algorithms on the same clock decide alike.
func (g *gcra) same(as *gcra) bool {
	return g.shift == as.shift && g.interval == as.interval && g.span == as.span
}

// convert returns a time and a TAT of g in ticks of to. As many calls remain as before, at
// most the burst of to: a full bucket is not full if the burst rises.
func (g *gcra) convert(to *gcra, at, tat int64) (toAt, toTAT int64) {
	remaining := max(0, g.span-max(0, tat-at))
	toRemaining := to.span
	// The quotient fits 64 bits if the divisor exceeds the high word; otherwise it exceeds any span
	if high, low := bits.Mul64(uint64(remaining), uint64(to.interval)); high < uint64(g.interval) {
		quotient, _ := bits.Div64(high, low, uint64(g.interval))
		toRemaining = int64(min(quotient, uint64(to.span)))
	}
	toAt = at << g.shift >> to.shift
	return toAt, toAt + to.span - toRemaining
}

// ticks returns now in ticks. It uses monotonic clock readings if there are any.
func (g *gcra) ticks(now time.Time) int64 {
	return min(max(int64(now.Sub(g.epoch)), -maxTicks), maxTicks) >> g.shift
}

// duration converts a difference in ticks to a duration.
func (g *gcra) duration(ticks int64) time.Duration {
	if ticks > math.MaxInt64>>g.shift {
		return math.MaxInt64
	}
	return time.Duration(ticks << g.shift)
}

// next returns the TAT after a call at now. If wait is not 0, the call is rejected, the TAT does
// not change, and wait is the number of ticks after which the call would be allowed.
func (g *gcra) next(tat, now int64) (next, wait int64) {
	next = max(tat, now) + g.interval
	return next, max(0, next-now-g.span)
}
