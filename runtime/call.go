package runtime

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/grpcservice/grpcservice/runtime/internal/bounds"
)

// Call is one RPC while it runs on the server. It is made once per call, is carried by the context that the method gets,
// and must not be kept after the call.
type Call struct {
	method    *method
	start     time.Time
	id        requestID
	principal *Principal
	received  atomic.Int64 // messages of streams
	sent      atomic.Int64
	group     atomic.Pointer[group] // made by the first [Go]
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

// Principal returns who makes the call, as the server's [Authenticator] has found out; nil where nobody is known.
func (c *Call) Principal() *Principal { return c.principal }

// Received returns how many requests the method has received so far; for a call without a stream of requests, 0 or 1.
func (c *Call) Received() int64 { return c.received.Load() }

// Sent returns how many responses the method has sent so far; for a call without a stream of responses, 0 or 1.
func (c *Call) Sent() int64 { return c.sent.Load() }

// Logger returns the server's logger with the method and the request id. It allocates: keep it in a variable.
func (c *Call) Logger() *slog.Logger {
	return c.method.logger.With(slog.String(logMethod, c.method.log.name), slog.String(logRequestID, c.RequestID()))
}

// callContext is the context of a call and the call itself in one allocation. Its context is that of the transport, with what
// observers add, and is never replaced once anybody else has it; what the method gets may be a child of it.
type callContext struct {
	context.Context
	call Call

	observed int                   // how many observers know of the call
	arrival  *bounds.Arrival       // nil where the transport does not tell
	load     bounds.Call           // what the call counts for among those of the server
	slot     time.Time             // since when the call counts for the method's concurrency; zero if it does not
	ran      atomic.Bool           // whether the call reached its method; known where the concurrency is adaptive
	deadline atomic.Int64          // of the method, in Unix nanoseconds, where it is ours; else 0
	stream   *serverStream         // nil for a unary call
	refused  atomic.Pointer[error] // what was wrong with a request
	compress compressChoice        // what the method has chosen
	header   heldHeader            // what the method has set
	drained  atomic.Bool           // whether a shutdown cancelled the call
	detached bool                  // the method runs in a goroutine of its own, which joins the others
	live     liveCall
	listed   bool                       // in the list of the method, by the call's own goroutine
	lazy     atomic.Pointer[lazyCancel] // see lazyContext
}

type callKey struct{}

// Value implements context.Context.
func (c *callContext) Value(key any) any {
	if key == (callKey{}) {
		return c
	}
	value := c.Context.Value(key)
	if key == transportKey && value != nil && !c.call.method.without.heldHeaders {
		return (*headerHolder)(c)
	}
	return value
}

// ends returns the deadline of the method.
func (c *callContext) ends() (time.Time, bool) {
	if ours := c.deadline.Load(); ours != 0 {
		return time.Unix(0, ours), true
	}
	return c.Context.Deadline()
}

// callOf returns the call that ctx belongs to.
func callOf(ctx context.Context) (*callContext, bool) {
	c, ok := ctx.Value(callKey{}).(*callContext)
	return c, ok
}
