package report

import (
	"sync"
	"time"
)

// Throttle keeps records of one kind, which each call could cause, from filling the log: it lets
// the first one through, and then one per interval. It is safe for concurrent use.
type Throttle struct {
	interval time.Duration

	mu      sync.Mutex
	last    time.Time
	skipped int
	all     int64
}

// NewThrottle returns a Throttle with the shortest time between two records.
func NewThrottle(interval time.Duration) *Throttle { return &Throttle{interval: interval} }

// Next counts a record. It reports whether the record is due, and how many were skipped since the
// last one that was.
func (t *Throttle) Next() (due bool, skipped int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	t.all++
	if !t.last.IsZero() && now.Sub(t.last) < t.interval {
		t.skipped++
		return false, 0
	}
	skipped = t.skipped
	t.last, t.skipped = now, 0
	return true, skipped
}

// All returns how many records there were, with those that were skipped.
func (t *Throttle) All() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.all
}
