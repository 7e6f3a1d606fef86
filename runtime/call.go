package runtime

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"
)

// Call is one RPC while it runs on the server. It is made once per call, is carried by the context that the method gets,
// and must not be kept after the call.
type Call struct {
	method *method
	start  time.Time
	id     requestID
	group  atomic.Pointer[group] // made by the first [Go]
}

// CallFromContext returns the call that ctx belongs to; false outside a call.
func CallFromContext(ctx context.Context) (*Call, bool) {
	if c, ok := callOf(ctx); ok {
		return &c.call, true
	}
	return nil, false
}

// Method returns what is known of the RPC.
func (c *Call) Method() MethodInfo { return c.method.info }

// Start returns when the call arrived.
func (c *Call) Start() time.Time { return c.start }

// RequestID returns the id that the caller sent in x-request-id, or the one that was made for the call: at most 128
// characters of visible ASCII.
func (c *Call) RequestID() string { return c.id.String() }

// Logger returns the server's logger with the method and the request id. It allocates: keep it in a variable.
func (c *Call) Logger() *slog.Logger {
	return c.method.logger.With(slog.String(logMethod, c.method.log.name), slog.String(logRequestID, c.RequestID()))
}

// callContext is the context of a call and the call itself in one allocation.
type callContext struct {
	context.Context
	call   Call
	cancel context.CancelFunc // of the deadline; nil without one of ours
}

type callKey struct{}

// Value implements context.Context.
func (c *callContext) Value(key any) any {
	if key == (callKey{}) {
		return c
	}
	return c.Context.Value(key)
}

// callOf returns the call that ctx belongs to.
func callOf(ctx context.Context) (*callContext, bool) {
	c, ok := ctx.Value(callKey{}).(*callContext)
	return c, ok
}
