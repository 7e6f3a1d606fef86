package server

import (
	"maps"
	"sync"
)

// tally counts by name. Names come from the runtime, so there are few.
type tally struct {
	mu     sync.Mutex
	counts map[string]int // nil before the first
}

func (t *tally) add(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.counts == nil {
		t.counts = make(map[string]int)
	}
	t.counts[name]++
}

func (t *tally) snapshot() map[string]int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return maps.Clone(t.counts)
}
