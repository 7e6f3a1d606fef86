package redislimit

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// maxRefusals is how many rejected callers of a method are remembered: 32 KiB. A further one
	// replaces another.
	maxRefusals = 1024
	// maxRemembered is how long a rejection is remembered at most. Later, Redis decides again, so
	// that a deleted key or a higher rate takes effect.
	maxRemembered = time.Second
)

// refusals remembers rejections by Redis, so that a caller that ignores them costs Redis no
// requests: nothing can allow its calls until the time to retry, except for calls that are given
// back.
type refusals struct {
	epoch time.Time
	seed  maphash.Seed
	// latest is when the last rejection that is remembered will be forgotten. It makes finding none
	// cost a load.
	latest atomic.Int64

	mu     sync.Mutex
	common refusal // by a rate of all callers
	table  []refusal
}

// refusal is a rejection by a rate. Times are nanoseconds since the epoch.
type refusal struct {
	caller      uint64 // hash
	rate        int
	forget, end int64
}

// find returns the rate that rejects a call at now, and for how long; 0 if none is known.
func (r *refusals) find(caller string, now time.Time) (rate int, wait time.Duration) {
	at := int64(now.Sub(r.epoch))
	if r.latest.Load() <= at {
		return 0, 0
	}
	hash := maphash.String(r.seed, caller)
	r.mu.Lock()
	defer r.mu.Unlock()
	if e := r.common; e.forget > at {
		return e.rate, time.Duration(e.end - at)
	}
	if r.table == nil {
		return 0, 0
	}
	if e := r.table[hash%maxRefusals]; e.caller == hash && e.forget > at {
		return e.rate, time.Duration(e.end - at)
	}
	return 0, 0
}

// add remembers that a rate rejects calls until wait after sent: those of a caller, or all.
func (r *refusals) add(caller string, perCaller bool, rate int, sent time.Time, wait time.Duration) {
	at := int64(sent.Sub(r.epoch))
	e := refusal{rate: rate, forget: at + int64(min(wait, maxRemembered)), end: at + int64(wait)}
	r.mu.Lock()
	defer r.mu.Unlock()
	if perCaller {
		if r.table == nil {
			r.table = make([]refusal, maxRefusals)
		}
		e.caller = maphash.String(r.seed, caller)
		r.table[e.caller%maxRefusals] = e
	} else {
		r.common = e
	}
	if e.forget > r.latest.Load() {
		r.latest.Store(e.forget)
	}
}

// drop forgets the rejections of a caller, because a call is given back.
func (r *refusals) drop(caller string) {
	hash := maphash.String(r.seed, caller)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.common = refusal{}
	if r.table != nil && r.table[hash%maxRefusals].caller == hash {
		r.table[hash%maxRefusals] = refusal{}
	}
}
