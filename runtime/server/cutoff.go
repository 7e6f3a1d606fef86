package server

import (
	"context"
	"sync"
	"sync/atomic"
)

// liveCalls are the running calls of a method that a shutdown can cancel, as a list without allocations.
type liveCalls struct {
	mu      sync.Mutex
	expired bool // calls get no more time
	first   *callContext
}

// liveCall is a call's place in the list of its method. The mutex of the list guards it.
type liveCall struct {
	next, previous *callContext
	cancel         context.CancelFunc // of the method's context
	listed, gone   bool
}

// add lists a call with what cancels its method's context. After the end of the call, or of the time for calls, the context is
// cancelled at once.
func (l *liveCalls) add(c *callContext, cancel context.CancelFunc) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c.live.gone {
		cancel()
		return
	}
	c.live.cancel, c.live.listed = cancel, true
	if c.live.next = l.first; l.first != nil {
		l.first.live.previous = c
	}
	l.first = c
	if l.expired {
		c.cutOff()
	}
}

// remove takes a call that has ended out of the list, and cancels its context.
func (l *liveCalls) remove(c *callContext) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c.live.gone = true
	if !c.live.listed {
		return
	}
	if c.live.previous != nil {
		c.live.previous.live.next = c.live.next
	} else {
		l.first = c.live.next
	}
	if c.live.next != nil {
		c.live.next.live.previous = c.live.previous
	}
	c.live.next, c.live.previous = nil, nil
	c.live.cancel()
}

// expire cancels all calls, and those that are still to come.
func (l *liveCalls) expire() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.expired = true
	for c := l.first; c != nil; c = c.live.next {
		c.cutOff()
	}
}

// cutOff cancels a call because of a shutdown; its list is locked.
func (c *callContext) cutOff() {
	c.drained.Store(true)
	c.live.cancel()
}

// drain is how far a server's shutdown has come.
type drain struct {
	started chan struct{}
	start   func()
	expired atomic.Bool // calls get no more time
}

func newDrain() *drain {
	d := &drain{started: make(chan struct{})}
	d.start = sync.OnceFunc(func() { close(d.started) })
	return d
}

func (d *drain) expire() { d.expired.Store(true) }
