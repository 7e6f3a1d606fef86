package limit

import (
	"sync/atomic"
	"time"
)

// Rate bounds how often calls come that are all counted together.
type Rate struct {
	gcra
	latest, tat atomic.Int64
}

// NewRate returns a Rate of perSecond calls a second on average and burst at once. It begins with all of burst.
//
// The time between two calls is kept in whole nanoseconds, of which there is at least one: what is enforced is within 0.05%
// of perSecond up to a million a second, and never above 1,000,000,000. If perSecond is not above 0, there is one call each
// 36 years. burst is at least 1 and at most 2,147,483,647; what lies outside is taken for the nearest of them.
func NewRate(perSecond float64, burst int) *Rate {
	r := &Rate{gcra: newGCRA(perSecond, burst)}
	r.latest.Store(longAgo)
	r.tat.Store(longAgo)
	return r
}

// Take counts a call at now and returns 0, or returns how long it is until a call would be allowed and counts nothing. It
// takes no lock and allocates nothing.
//
// now is a time that [time.Now] returned. One that is before that of an earlier call is taken for that: calls overtake each
// other between reading the clock and getting here. Times more than 73 years from when the Rate was made count as 73 years.
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

// GiveBack undoes a [Rate.Take] that returned 0, for a call that another check rejects right after
// it. A call that is given back late, when the burst is whole again, would be one call more than
// the rate allows.
func (r *Rate) GiveBack() { r.tat.Add(-r.interval) }

// advance returns the latest time there was.
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
