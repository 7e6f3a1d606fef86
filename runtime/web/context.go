package web

import (
	"context"
	"net/http"

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
		c.lazy.Context = ctx
		c.ctx = &c.lazy
	case c.lazy.Until.IsZero():
		c.ctx, c.cancel = context.WithCancel(ctx)
	default:
		c.ctx, c.cancel = context.WithDeadline(ctx, c.lazy.Until)
	}
}

// endContext ends the context of the method.
func (c *call) endContext() {
	if c.lazy.Context != nil {
		c.lazy.End()
	}
	if c.cancel != nil {
		c.cancel()
	}
	if c.within.call == nil {
		c.conn.current.Store(nil)
	}
}
