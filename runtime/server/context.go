package server

import (
	"context"
	"time"

	"github.com/grpcservice/grpcservice/runtime/internal/callctx"
)

// Value implements context.Context: it finds the call, and the stream that holds headers back.
func (c *callContext) Value(key any) any {
	if key == (callctx.Key{}) {
		return c
	}
	value := c.Context.Value(key)
	if key == transportKey && value != nil && !c.call.method.without.heldHeaders {
		return (*headerHolder)(c)
	}
	return value
}

// Ends implements [callctx.Call].
func (c *callContext) Ends() (time.Time, bool) {
	if ours := c.deadline.Load(); ours != 0 {
		return time.Unix(0, ours), true
	}
	return c.Context.Deadline()
}

// withDeadline returns the context of a unary call. Its deadline is the client's, unless the client
// sent none or one that exceeds the policy's maximum. Keeping the client's costs nothing.
func (c *callContext) withDeadline(d deadlines) context.Context {
	timeout := d.standard
	if deadline, ok := c.Context.Deadline(); ok {
		if timeout = d.longest; timeout == 0 || time.Until(deadline) <= timeout {
			return (*lazyContext)(c)
		}
	}
	if timeout <= 0 {
		return (*lazyContext)(c)
	}
	deadline := time.Now().Add(timeout)
	ctx, cancel := context.WithDeadline(c, deadline)
	c.list(new(liveCall), cancel)
	c.deadline.Store(deadline.UnixNano())
	return ctx
}

// cancellable returns the context of a stream, which a shutdown can cancel. live is its place in the
// method's list.
func (c *callContext) cancellable(live *liveCall) context.Context {
	ctx, cancel := context.WithCancel(c)
	c.list(live, cancel)
	return ctx
}

// list has a shutdown, and the end of the call, call cancel.
func (c *callContext) list(live *liveCall, cancel context.CancelFunc) {
	c.listed = live
	live.call = c
	c.call.method.live.add(live, cancel)
}

// drained reports whether a shutdown canceled the call.
func (c *callContext) drained() bool {
	if c.listed != nil {
		return c.listed.drained.Load()
	}
	made := c.lazy.Load()
	return made != nil && made.live.drained.Load()
}

// lazyContext is the context of a unary call that keeps its client's deadline. A shutdown cancels
// it too; only a method that calls Done pays for that.
type lazyContext callContext

func (l *lazyContext) Done() <-chan struct{} {
	c := (*callContext)(l)
	if made := c.lazy.Load(); made == lazyOver {
		return c.Context.Done()
	} else if made != nil {
		return made.Done()
	}
	ctx, cancel := context.WithCancel(c)
	made := &lazyCancel{Context: ctx}
	if !c.lazy.CompareAndSwap(nil, made) {
		cancel()
		return l.Done()
	}
	c.call.method.live.add(&made.live, cancel)
	return made.Done()
}

func (l *lazyContext) Err() error {
	c := (*callContext)(l)
	if made := c.lazy.Load(); made != nil && made != lazyOver {
		return made.Err()
	}
	if err := c.Context.Err(); err != nil || !c.call.method.drain.expired.Load() {
		return err
	}
	l.Done() // lists the call
	made := c.lazy.Load()
	if made == lazyOver {
		return c.Context.Err()
	}
	c.call.method.live.cancel(&made.live)
	return made.Err() // an error that it keeps
}

// Value implements context.Context. It finds the context that Done created, so that contexts
// derived from it cost no goroutine.
func (l *lazyContext) Value(key any) any {
	c := (*callContext)(l)
	if made := c.lazy.Load(); made != nil && made != lazyOver && key != (callctx.Key{}) {
		return made.Value(key)
	}
	return c.Value(key)
}
