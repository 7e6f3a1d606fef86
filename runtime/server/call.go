package server

import (
	"context"
	"log/slog"
	"net"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/peer"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/bounds"
	"github.com/grpcservice/grpcservice/runtime/internal/callctx"
	"github.com/grpcservice/grpcservice/runtime/internal/heldheader"
	"github.com/grpcservice/grpcservice/runtime/internal/requestid"
	"github.com/grpcservice/grpcservice/runtime/seal"
)

// call is what a [callContext] holds of its call.
type call struct {
	method    *method
	start     time.Time
	id        requestid.ID
	principal *runtime.Principal
	received  atomic.Int64 // messages of streams
	sent      atomic.Int64
	group     atomic.Pointer[group] // made by the first [runtime.Go]
}

// Method implements [runtime.Call].
func (c *callContext) Method() runtime.MethodInfo { return c.call.method.info }

// Start implements [runtime.Call].
func (c *callContext) Start() time.Time { return c.call.start }

// RequestID implements [runtime.Call].
func (c *callContext) RequestID() string { return c.call.id.String() }

// Principal implements [runtime.Call].
func (c *callContext) Principal() *runtime.Principal { return c.call.principal }

// Received implements [runtime.Call].
func (c *callContext) Received() int64 { return c.call.received.Load() }

// Sent implements [runtime.Call].
func (c *callContext) Sent() int64 { return c.call.sent.Load() }

// Logger implements [runtime.Call].
func (c *callContext) Logger() *slog.Logger {
	m := c.call.method
	return m.logger.With(slog.String(logMethod, m.log.name), slog.String(logRequestID, c.RequestID()))
}

// Draining implements [callctx.Call].
func (c *callContext) Draining() <-chan struct{} { return c.call.method.drain.started }

// TokenRing implements [callctx.Call].
func (c *callContext) TokenRing() *seal.Ring { return c.call.method.tokens }

// Recovered implements [callctx.Call].
func (c *callContext) Recovered(value any) error { return c.call.method.panicked(c, value) }

// callContext is the context of a call and the call itself in one allocation. Its context is that of the transport, with what
// observers add, and is never replaced once anybody else has it; what the method gets may be a child of it.
type callContext struct {
	context.Context
	call call

	observed int                   // how many observers know of the call
	arrival  *bounds.Arrival       // nil where the transport does not tell
	load     bounds.Call           // what the call counts for among those of the server
	slot     time.Time             // since when the call counts for the method's concurrency; zero if it does not
	ran      atomic.Bool           // whether the call reached its method; known where the concurrency is adaptive
	deadline atomic.Int64          // of the method, in Unix nanoseconds, where it is ours; else 0
	stream   *serverStream         // nil for a unary call
	refused  atomic.Pointer[error] // what was wrong with a request
	compress compressChoice        // what the method has chosen
	header   heldheader.Header     // what the method has set
	drained  atomic.Bool           // whether a shutdown cancelled the call
	detached bool                  // the method runs in a goroutine of its own, which joins the others
	live     liveCall
	listed   bool                       // in the list of the method, by the call's own goroutine
	lazy     atomic.Pointer[lazyCancel] // see lazyContext
}

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

// callOf returns the call that ctx belongs to.
func callOf(ctx context.Context) (*callContext, bool) {
	c, ok := ctx.Value(callctx.Key{}).(*callContext)
	return c, ok
}

// peerAddr returns the address that a call comes from; nil where it is not known.
func peerAddr(ctx context.Context) net.Addr {
	if p, ok := peer.FromContext(ctx); ok {
		return p.Addr
	}
	return nil
}

// peerKey returns the peer that a call comes from.
func peerKey(ctx context.Context) string { return bounds.PeerOf(peerAddr(ctx)).String() }

// peerOf returns the address that a call comes from, for the log.
func peerOf(ctx context.Context) string {
	addr := peerAddr(ctx)
	if addr == nil {
		return ""
	}
	if tcp, ok := addr.(*net.TCPAddr); ok {
		var buf [64]byte
		return string(tcp.AddrPort().AppendTo(buf[:0]))
	}
	return addr.String()
}
