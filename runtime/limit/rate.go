package limit

import (
	"sync/atomic"
	"time"
)

// Rate bounds the rate of calls that are counted together. It is safe for concurrent use.
type Rate struct {
	gcra
	latest, tat atomic.Int64
}

// NewRate returns a Rate that allows perSecond calls a second on average, with the given burst.
// It starts with the full burst.
//
// The interval between calls is a whole number of nanoseconds, at least one: the enforced rate is
// within 0.05% of perSecond up to a million a second, and at most 1,000,000,000. If perSecond is
// 0 or less, one call is allowed every 36 years. burst is clamped to 1 to 2,147,483,647.
func NewRate(perSecond float64, burst int) *Rate {
	r := &Rate{gcra: newGCRA(perSecond, burst)}
	r.latest.Store(longAgo)
	r.tat.Store(longAgo)
	return r
}

// Take counts a call at now and returns 0. If the call exceeds the rate, Take counts nothing and
// returns how long it is until a call would be allowed. It takes no lock and allocates nothing.
//
// now must come from [time.Now]. If it is before that of an earlier call, it counts as that:
// calls can overtake each other between reading the clock and Take. Times more than 73 years
// after the Rate was created count as 73 years.
func (r *Rate) Take(now time.Time) (retryAfter time.Duration) {
	at := r.advance(r.ticks(now))
	for {
		tat := r.tat.Load()
		next, wait := r.next(tat, at)
		if wait > 0 {
			return r.duration(wait)
		}
		if r.tat.CompareAndSwap(tat, next) {
			return 0
		}
	}
}

// GiveBack undoes a [Rate.Take] that returned 0, for a call that another check rejects right
// after it. If it is called late, when the burst is full again, the rate allows one additional
// call.
func (r *Rate) GiveBack() { r.tat.Add(-r.interval) }

// advance returns the latest time seen.
func (r *Rate) advance(now int64) int64 {
	for {
		latest := r.latest.Load()
		if now <= latest {
			return latest
		}
		if r.latest.CompareAndSwap(latest, now) {
			return now
		}
	}
}
