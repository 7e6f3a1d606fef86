package server

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// liveCalls are the running calls of a method that a shutdown can cancel: a list without
// allocations.
type liveCalls struct {
	mu      sync.Mutex
	expired bool // calls get no more time
	first   *liveCall
}

// liveCall is a call's place in the list of its method. The mutex of the list guards it.
type liveCall struct {
	next, previous *liveCall
	cancel         context.CancelFunc // of the method's context
	listed, gone   bool
	drained        atomic.Bool // whether a shutdown canceled the call
	call           *callContext
	stuck          stuckSend
}

// add lists a call with what cancels its method's context. After the end of the call, or of the
// time for calls, the context is canceled at once.
func (l *liveCalls) add(c *liveCall, cancel context.CancelFunc) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c.gone {
		cancel()
		return
	}
	c.cancel, c.listed = cancel, true
	if c.next = l.first; l.first != nil {
		l.first.previous = c
	}
	l.first = c
	if l.expired {
		c.cutOff()
	}
}

// remove takes a call that has finished out of the list, and cancels its context.
func (l *liveCalls) remove(c *liveCall) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c.gone = true
	if !c.listed {
		return
	}
	if c.previous != nil {
		c.previous.next = c.next
	} else {
		l.first = c.next
	}
	if c.next != nil {
		c.next.previous = c.previous
	}
	c.next, c.previous = nil, nil
	c.cancel()
}

// cancel cancels a listed call because of a shutdown, if expire has not done so yet.
func (l *liveCalls) cancel(c *liveCall) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c.listed && !c.gone {
		c.cutOff()
	}
}

// expire cancels all calls, and those that are still to come. It returns those that are sending,
// which the end of their context does not interrupt.
func (l *liveCalls) expire() (sending []*callContext) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.expired = true
	for c := l.first; c != nil; c = c.next {
		c.cutOff()
		if c.call != nil && c.call.call.isSending() {
			sending = append(sending, c.call)
		}
	}
	return sending
}

// cutOff cancels a call because of a shutdown; its list is locked.
func (c *liveCall) cutOff() {
	c.drained.Store(true)
	c.cancel()
}

// drain is the state of a server's shutdown.
type drain struct {
	started chan struct{}
	start   func()
	expired atomic.Bool // whether calls are canceled
}

func newDrain() *drain {
	d := &drain{started: make(chan struct{})}
	d.start = sync.OnceFunc(func() { close(d.started) })
	return d
}

// hasStarted reports whether no new calls are accepted.
func (d *drain) hasStarted() bool { return isClosed(d.started) }

func (d *drain) expire() { d.expired.Store(true) }

// stuckSend is what sweeps remember of a stream that is sending. The mutex of the list guards it.
type stuckSend struct {
	message int64 // that was being sent; 0 if none was
	since   time.Time
}

// isClosed reports whether a channel that nothing sends to is closed.
func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
