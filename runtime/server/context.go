package server

import (
	"context"
	"time"

	"github.com/grpcservice/grpcservice/runtime/internal/callctx"
)

// Value implements context.Context.
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

// withDeadline returns the context of a unary call with the deadline of its client, if it sent one and may ask for so much, and
// else that of the policy. One that is tight enough costs nothing.
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
	c.list(cancel)
	c.deadline.Store(deadline.UnixNano())
	return ctx
}

// cancellable returns the context of a stream, which a shutdown that has run out of patience cancels.
func (c *callContext) cancellable() context.Context {
	ctx, cancel := context.WithCancel(c)
	c.list(cancel)
	return ctx
}

// list has a shutdown cancel the call, and its end.
func (c *callContext) list(cancel context.CancelFunc) {
	c.listed = true
	c.call.method.live.add(c, cancel)
}

// lazyContext is the context of a unary call whose deadline is its client's: that of the transport, which ends when a shutdown
// cancels the call, too. Only a method that asks for Done pays for that.
type lazyContext callContext

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
