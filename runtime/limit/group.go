package limit

import (
	"slices"
	"time"
)

// Bucket describes a rate of a [Group].
type Bucket struct {
	// PerSecond and Burst are those of [NewRate].
	PerSecond float64
	Burst     int
	// PerCaller gives each caller its own bucket. Otherwise all callers share one.
	PerCaller bool
	// MaxCallers bounds how many callers are distinguished; see [NewKeyedRate].
	MaxCallers int
}

// Group bounds the rate of calls by several rates together: a call counts for all of them or for
// none. It is safe for concurrent use.
type Group struct{ members []member }

// member is a rate of a group: one of the two.
type member struct {
	bucket Bucket
	all    *Rate
	each   *KeyedRate
}

// NewGroup returns a Group of rates with the given buckets.
func NewGroup(buckets ...Bucket) *Group {
	g := &Group{members: make([]member, len(buckets))}
	for i, b := range buckets {
		g.members[i] = newMember(b)
	}
	return g
}

func newMember(b Bucket) member {
	if b.PerCaller {
		return member{bucket: b, each: NewKeyedRate(b.PerSecond, b.Burst, b.MaxCallers)}
	}
	return member{bucket: b, all: NewRate(b.PerSecond, b.Burst)}
}

// Follow returns a Group with the given buckets that continues the counts of g, which it replaces.
// Calls may still use g. A bucket continues the equal bucket of g, or else the next one of g for
// the same callers: that one changes as [Rate.Set] describes, for g too. A bucket without such a
// predecessor starts with its full burst.
func (g *Group) Follow(now time.Time, buckets ...Bucket) *Group {
	old := slices.Clone(g.members)
	next := &Group{members: make([]member, len(buckets))}
	take := func(i int, fits func(Bucket) bool) {
		at := slices.IndexFunc(old, func(m member) bool { return fits(m.bucket) })
		if at >= 0 && next.members[i].isZero() {
			next.members[i] = old[at]
			old = slices.Delete(old, at, at+1)
		}
	}
	for i, b := range buckets {
		take(i, func(is Bucket) bool { return is == b })
	}
	for i, b := range buckets {
		take(i, func(is Bucket) bool { return is.PerCaller == b.PerCaller && is.MaxCallers == b.MaxCallers })
	}
	for i, b := range buckets {
		next.members[i].become(b, now)
	}
	return next
}

func (m member) isZero() bool { return m == member{} }

// become changes the member to a bucket, or makes it if it is zero.
func (m *member) become(b Bucket, now time.Time) {
	switch {
	case m.each != nil:
		m.each.Set(b.PerSecond, b.Burst, now)
	case m.all != nil:
		m.all.Set(b.PerSecond, b.Burst, now)
	default:
		*m = newMember(b)
	}
	m.bucket = b
}

// Take counts a call of the caller at now against all rates, and returns a wait of 0. If the call
// exceeds a rate, Take counts nothing, and returns the index of that rate and how long it is until
// that rate would allow a call. It allocates only while tables grow. For now see [Rate.Take].
//
// A call that one rate allows and another rejects is in the way of concurrent calls for that
// moment.
func (g *Group) Take(caller string, now time.Time) (rate int, retryAfter time.Duration) {
	for i, m := range g.members {
		if wait := m.take(caller, now); wait > 0 {
			for _, taken := range g.members[:i] {
				taken.giveBack(caller)
			}
			return i, wait
		}
	}
	return 0, 0
}

// Wait returns how long it is at now until the rates that all callers share would allow a call, and
// the index of the rate with the longest wait. It counts nothing.
func (g *Group) Wait(now time.Time) (rate int, retryAfter time.Duration) {
	for i, m := range g.members {
		if m.all == nil {
			continue
		}
		if wait := m.all.Wait(now); wait > retryAfter {
			rate, retryAfter = i, wait
		}
	}
	return rate, retryAfter
}

// GiveBack undoes a [Group.Take] that returned a wait of 0; see [Rate.GiveBack].
func (g *Group) GiveBack(caller string) {
	for _, m := range g.members {
		m.giveBack(caller)
	}
}

// Count counts a call at now that another limiter has allowed: against each rate that allows it.
func (g *Group) Count(caller string, now time.Time) {
	for _, m := range g.members {
		m.take(caller, now)
	}
}

// Distinguishes reports whether the caller has its own bucket of a rate at now; see
// [KeyedRate.Distinguishes]. It reports true for a rate that all callers share.
func (g *Group) Distinguishes(rate int, caller string, now time.Time) bool {
	m := g.members[rate]
	return m.each == nil || m.each.Distinguishes(caller, now)
}

func (m member) take(caller string, now time.Time) time.Duration {
	if m.each != nil {
		return m.each.Take(caller, now)
	}
	return m.all.Take(now)
}

func (m member) giveBack(caller string) {
	if m.each != nil {
		m.each.GiveBack(caller)
	} else {
		m.all.GiveBack()
	}
}
