package web

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"

	"connectrpc.com/connect/v2"
)

// within is the context of a request, with its call.
type within struct {
	context.Context
	call *call
}

// ofConn is the context of a connection.
type ofConn struct {
	context.Context
	conn *conn
}

type (
	callKey struct{}
	connKey struct{}
)

// Value implements [context.Context].
func (w *within) Value(key any) any {
	if key == (callKey{}) {
		return w.call
	}
	return w.Context.Value(key)
}

// Value implements [context.Context].
func (c *ofConn) Value(key any) any {
	switch key {
	case connKey{}:
		return c.conn
	case callKey{}:
		return c.conn.current.Load()
	}
	return c.Context.Value(key)
}

// callIn returns the call of a request that is being served.
func callIn(ctx context.Context) *call {
	c, _ := ctx.Value(callKey{}).(*call)
	return c
}

// carried returns a request in whose context callIn finds c, and whose header and body may be
// replaced. That costs a copy, unless c is the only call of its connection. It may not be, although
// HTTP/1.1 has one at a time: a method or a fallback can create requests from its context, and pass
// them to a handler.
func (c *call) carried(r *http.Request) *http.Request {
	if c.conn != nil && r.ProtoMajor == 1 && c.conn.current.CompareAndSwap(nil, c) {
		if callIn(r.Context()) == c {
			return r
		}
		c.conn.current.Store(nil)
	}
	c.within = within{r.Context(), c}
	return r.WithContext(&c.within)
}

// begin makes the context of the method.
func (c *call) begin(ctx context.Context, spec connect.Spec) {
	switch {
	case spec.StreamType == connect.StreamTypeUnary:
		c.timed.Context = ctx
		c.ctx = &c.timed
	case c.timed.deadline.IsZero():
		c.ctx, c.cancel = context.WithCancel(ctx)
	default:
		c.ctx, c.cancel = context.WithDeadline(ctx, c.timed.deadline)
	}
}

// endContext ends the context of the method.
func (c *call) endContext() {
	c.timed.end()
	if c.cancel != nil {
		c.cancel()
	}
	if c.within.call == nil {
		c.conn.current.Store(nil)
	}
}

// timed is a context that ends at a deadline. It has no timer until something calls Done.
type timed struct {
	context.Context
	deadline time.Time // zero for none
	made     atomic.Pointer[ending]
}

// ending is the context that Done makes.
type ending struct {
	context.Context
	cancel context.CancelFunc
}

// over replaces the ending of a call that is over without one.
var over = func() *ending {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return &ending{ctx, cancel}
}()

// Deadline implements [context.Context].
func (t *timed) Deadline() (time.Time, bool) {
	earlier, ok := t.Context.Deadline()
	if t.deadline.IsZero() || ok && earlier.Before(t.deadline) {
		return earlier, ok
	}
	return t.deadline, true
}

// Done implements [context.Context].
func (t *timed) Done() <-chan struct{} {
	if t.deadline.IsZero() {
		return t.Context.Done()
	}
	return t.ending().Done()
}

// ending returns the context that Done makes.
func (t *timed) ending() *ending {
	if made := t.made.Load(); made != nil {
		return made
	}
	ctx, cancel := context.WithDeadline(t.Context, t.deadline)
	if !t.made.CompareAndSwap(nil, &ending{ctx, cancel}) {
		cancel()
	}
	return t.made.Load()
}

// Err implements [context.Context].
func (t *timed) Err() error {
	switch made := t.made.Load(); {
	case t.deadline.IsZero():
		return t.Context.Err()
	case made != nil:
		return made.Err()
	case time.Now().Before(t.deadline):
		return t.Context.Err()
	default: // it stays the same after the call
		return t.ending().Err()
	}
}

// Value implements [context.Context]. It finds the context that Done has made, so that contexts
// derived from it cost no goroutine.
func (t *timed) Value(key any) any {
	if made := t.made.Load(); made != nil && made != over {
		return made.Value(key)
	}
	return t.Context.Value(key)
}

// end ends the context. One that has ended before keeps its error.
func (t *timed) end() {
	if t.Context != nil && !t.deadline.IsZero() && t.Context.Err() != nil {
		t.ending()
	}
	if !t.made.CompareAndSwap(nil, over) {
		t.made.Load().cancel()
	}
}
