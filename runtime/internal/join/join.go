// Package join waits for goroutines that may be started during the wait.
package join

import "sync"

// Group is a set of goroutines. Unlike with a [sync.WaitGroup], a goroutine may enter at any time:
// the group waits for it, or Enter reports that it is too late. The zero value is an open group.
type Group struct {
	mu      sync.Mutex
	running int
	closed  bool
	ended   chan struct{} // created by the first call of Ended
}

// Enter counts a goroutine, and reports whether the group is still open.
func (g *Group) Enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.closed {
		g.running++
	}
	return !g.closed
}

// Leave removes a goroutine that Enter has counted.
func (g *Group) Leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.running--; g.running == 0 && g.ended != nil {
		g.close()
	}
}

// Ended returns a channel. When no goroutine of the group runs, the group and the channel are
// closed.
func (g *Group) Ended() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.ended == nil {
		g.ended = make(chan struct{})
		if g.running == 0 {
			g.close()
		}
	}
	return g.ended
}

// close closes the group. The caller holds the lock.
func (g *Group) close() {
	g.closed = true
	close(g.ended)
}
