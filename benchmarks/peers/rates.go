package peers

import (
	"sync"

	"golang.org/x/time/rate"
)

// Rates are token buckets: one for each key, or one for all calls with the key "". They are never
// exceeded.
type Rates struct {
	mu      sync.Mutex
	buckets map[string]*rate.Limiter
}

// NewRates returns rates without keys.
func NewRates() *Rates { return &Rates{buckets: make(map[string]*rate.Limiter)} }

// Allow takes a token of a key.
func (r *Rates) Allow(key string) bool {
	r.mu.Lock()
	bucket, ok := r.buckets[key]
	if !ok {
		bucket = NewRate()
		r.buckets[key] = bucket
	}
	r.mu.Unlock()
	return bucket.Allow()
}

// NewRate returns the rate of a method or of a principal.
func NewRate() *rate.Limiter { return rate.NewLimiter(1e9, 1e6) }
