package limit

import (
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// Rate bounds the rate of calls that are counted together. It is safe for concurrent use.
type Rate struct {
	first    bucket
	changing sync.Mutex
	latest   atomic.Pointer[bucket] // of the last Set; nil before the first
}

// bucket is the state of a Rate until Set changes it.
type bucket struct {
	gcra
	latest, tat atomic.Int64
}

// replaced is the TAT of a bucket that Set has replaced.
const replaced = math.MaxInt64

// NewRate returns a Rate that allows perSecond calls a second on average, with the given burst.
// It starts with the full burst.
//
// The interval between calls is a whole number of nanoseconds, at least one: the enforced rate is
// within 0.05% of perSecond up to a million a second, and at most 1,000,000,000. If perSecond is
// 0 or less, one call is allowed every 36 years. burst is clamped to 1 to 2,147,483,647.
func NewRate(perSecond float64, burst int) *Rate {
	r := new(Rate)
	r.first.gcra = newGCRA(perSecond, burst)
	r.first.latest.Store(longAgo)
	r.first.tat.Store(longAgo)
	return r
}

// Take counts a call at now and returns 0. If the call exceeds the rate, Take counts nothing and
// returns how long it is until a call would be allowed. It takes no lock, except while
// [Rate.Set] runs, and allocates nothing.
//
// now must come from [time.Now]. If it is before that of an earlier call, it counts as that:
// calls can overtake each other between reading the clock and Take. Times more than 73 years
// after the Rate was created count as 73 years.
func (r *Rate) Take(now time.Time) (retryAfter time.Duration) {
	for b := &r.first; ; b = r.after(b) {
		if wait, ok := b.take(now); ok {
			return wait
		}
	}
}

// Wait returns how long it is at now until a call would be allowed, and counts nothing. For now see
// [Rate.Take].
func (r *Rate) Wait(now time.Time) time.Duration {
	for b := &r.first; ; b = r.after(b) {
		if tat := b.tat.Load(); tat != replaced {
			_, wait := b.next(tat, max(b.ticks(now), b.latest.Load()))
			return b.duration(wait)
		}
	}
}

// GiveBack undoes a [Rate.Take] that returned 0, for a call that another check rejects right
// after it. If it is called late, when the burst is full again, the rate allows one additional
// call.
func (r *Rate) GiveBack() {
	for b := &r.first; !b.giveBack(); b = r.after(b) {
	}
}

// Set changes the rate and the burst from now on; for their ranges see [NewRate]. No call is
// gained by it: as many calls remain as before, at most the new burst, and the new rate refills
// the bucket. So a higher burst is reached after a time without calls, and a Rate that was used
// up stays used up.
func (r *Rate) Set(perSecond float64, burst int, now time.Time) {
	r.changing.Lock()
	defer r.changing.Unlock()
	old := &r.first
	if latest := r.latest.Load(); latest != nil {
		old = latest
	}
	next := &bucket{gcra: old.changed(perSecond, burst)}
	if next.same(&old.gcra) {
		return
	}
	at := old.advance(old.ticks(now))
	at, tat := old.convert(&next.gcra, at, old.tat.Swap(replaced))
	next.latest.Store(at)
	next.tat.Store(tat)
	r.latest.Store(next)
}

// after returns the bucket that replaced b. If Set is about to replace b, after waits for it.
func (r *Rate) after(b *bucket) *bucket {
	if latest := r.latest.Load(); latest != nil && latest != b {
		return latest
	}
	r.changing.Lock()
	defer r.changing.Unlock()
	return r.latest.Load()
}

// take is [Rate.Take]; ok is false if b is replaced.
func (b *bucket) take(now time.Time) (retryAfter time.Duration, ok bool) {
	at := b.advance(b.ticks(now))
	for {
		tat := b.tat.Load()
		if tat == replaced {
			return 0, false
		}
		next, wait := b.next(tat, at)
		if wait > 0 {
			// Calls that overtook this one may have counted at a later time.
			if latest := b.latest.Load(); latest > at {
				at = latest
				continue
			}
			return b.duration(wait), true
		}
		if b.tat.CompareAndSwap(tat, next) {
			return 0, true
		}
	}
}

// giveBack is [Rate.GiveBack]; it returns false if b is replaced.
func (b *bucket) giveBack() bool {
	for {
		tat := b.tat.Load()
		if tat == replaced {
			return false
		}
		if b.tat.CompareAndSwap(tat, tat-b.interval) {
			return true
		}
	}
}

// advance returns the latest time seen.
func (b *bucket) advance(now int64) int64 {
	for {
		latest := b.latest.Load()
		if now <= latest {
			return latest
		}
		if b.latest.CompareAndSwap(latest, now) {
			return now
		}
	}
}
