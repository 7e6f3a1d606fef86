// Package join waits for goroutines that may be started during the wait.
package join

import "sync"

// Group is a number of goroutines. Unlike with a [sync.WaitGroup], a goroutine may enter at any
// time: it is waited for, or comes too late and learns so. The zero value is an open group.
type Group struct {
	mu      sync.Mutex
	running int
	closed  bool
	ended   chan struct{} // made by the first who waits
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

// Leave takes out a goroutine that Enter has counted.
func (g *Group) Leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.running--; g.running == 0 && g.ended != nil {
		g.close()
	}
}

// Ended returns a channel that is closed, and closes the group, as soon as none of its goroutines
// runs.
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
