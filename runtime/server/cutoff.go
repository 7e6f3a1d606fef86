package server

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/callctx"
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

// expire cancels the calls of all methods.
func (p *pipeline) expire() {
	p.drain.expire()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range p.methods {
		m.live.expire()
	}
}

// cut returns why the context of the call's method has ended: a shutdown has cancelled it, or the
// client, or its deadline has passed. It is nil if it has not.
func (c *callContext) cut() error {
	if c.drained.Load() {
		return runtime.ErrDraining
	}
	return c.Context.Err()
}

// completed returns what a call ends with whose method returned err. A method that returns without an error after its context has
// ended has not said all it had to say, and must not look as if it had, to its caller or in the log. That of a response which is one
// message is the exception: the message is whole. See [serverStream.SendMsg] for what it may be made of.
func (c *callContext) completed(err error) error {
	if kind := c.call.method.info.Kind; err == nil && (kind == runtime.KindServerStream || kind == runtime.KindBidi) {
		return c.cut()
	}
	return err
}

// lazyContext is the context of a unary call whose deadline is its client's: that of the transport, which ends when a shutdown
// cancels the call, too. Only a method that asks for Done pays for that.
type lazyContext callContext

// lazyCancel is the context that a lazyContext has made.
type lazyCancel struct{ context.Context }

// lazyOver stands for one after the call.
var lazyOver = new(lazyCancel)

func (l *lazyContext) Done() <-chan struct{} {
	c := (*callContext)(l)
	if made := c.lazy.Load(); made == lazyOver {
		return c.Context.Done()
	} else if made != nil {
		return made.Done()
	}
	ctx, cancel := context.WithCancel(c)
	made := &lazyCancel{ctx}
	if !c.lazy.CompareAndSwap(nil, made) {
		cancel()
		return l.Done()
	}
	c.call.method.live.add(c, cancel)
	return made.Done()
}

func (l *lazyContext) Err() error {
	c := (*callContext)(l)
	if made := c.lazy.Load(); made != nil && made != lazyOver {
		return made.Err()
	}
	if err := c.Context.Err(); err != nil {
		return err
	}
	if c.call.method.drain.expired.Load() {
		l.Done() // lists the call, which cancels it
		return context.Canceled
	}
	return nil
}

// Value implements context.Context. It finds the made context, so that children are made of that at no further cost.
func (l *lazyContext) Value(key any) any {
	c := (*callContext)(l)
	if made := c.lazy.Load(); made != nil && made != lazyOver && key != (callctx.Key{}) {
		return made.Value(key)
	}
	return c.Value(key)
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
