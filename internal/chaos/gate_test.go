//go:build linux

package chaos

import (
	"context"
	"sync"
	"time"
)

// gate gives work to clients in portions, so that faults find it in the middle: on a fast machine,
// all work would be done before the first fault otherwise.
type gate struct {
	mu       sync.Mutex
	changed  chan struct{} // closed at the next change
	released int
	taken    int
	done     int
	total    int
}

// newGate returns a gate for a number of items, of which none is released.
func newGate(total int) *gate { return &gate{total: total, changed: make(chan struct{})} }

// update changes the gate.
func (g *gate) update(f func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	f()
	close(g.changed)
	g.changed = make(chan struct{})
}

// release releases items, until n are released in all.
func (g *gate) release(n int) { g.update(func() { g.released = max(g.released, min(n, g.total)) }) }

// take returns the number of an item that nobody else has, or false if there is none any more. It
// waits for items to be released.
func (g *gate) take(ctx context.Context) (item int, ok bool) {
	g.await(ctx, func() bool {
		if g.taken < g.released {
			item, ok = g.taken, true
			g.taken++
		}
		return ok || g.taken == g.total
	})
	return item, ok
}

// finish records that an item is done.
func (g *gate) finish() { g.update(func() { g.done++ }) }

// awaitDone waits until n items are done, or for a time.
func (g *gate) awaitDone(ctx context.Context, n int, most time.Duration) bool {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	return g.await(ctx, func() bool { return g.done >= min(n, g.total) })
}

// await waits for a condition. It returns false if ctx ends first.
func (g *gate) await(ctx context.Context, condition func() bool) bool {
	for {
		g.mu.Lock()
		met, changed := condition(), g.changed
		g.mu.Unlock()
		if met {
			return true
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
}

// progress describes how far the items are.
func (g *gate) progress() (done, total int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.done, g.total
}
