package redislimit

import (
	"sync"
	"time"
)

// maxReturns bounds the keys that wait to be given back. Calls of further ones stay counted.
const maxReturns = 1024

// returns gives calls back in the background, all that came in meanwhile with one request. If the
// client sends a request twice, up to as many calls more are allowed.
type returns struct {
	requests  *requester
	intervals []time.Duration // of the rates

	mu      sync.Mutex
	owed    map[string]time.Duration
	running bool
}

// add gives back a call that was counted against keys.
func (r *returns) add(keys []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.owed == nil {
		r.owed = make(map[string]time.Duration)
	}
	for i, key := range keys {
		if owed, ok := r.owed[key]; ok || len(r.owed) < maxReturns {
			r.owed[key] = min(owed, longest-r.intervals[i]) + r.intervals[i]
		}
	}
	if !r.running {
		r.running = true
		go r.run()
	}
}

// run sends what is owed until nothing is.
func (r *returns) run() {
	for {
		r.mu.Lock()
		owed := r.owed
		r.owed = nil
		r.running = len(owed) > 0
		r.mu.Unlock()
		if len(owed) == 0 {
			return
		}
		keys, args := make([]string, 0, len(owed)), make([]any, 0, 2*len(owed))
		for key, d := range owed {
			keys, args = append(keys, key), append(args, split(d)...)
		}
		// If Redis is away, the calls stay counted: the next call that is counted notices
		_ = r.requests.run(r.requests.giveBack, keys, args)
	}
}
