package operation

import (
	"context"
	"log/slog"
	"runtime/debug"
	"sync"

	"google.golang.org/grpc/metadata"

	"github.com/grpcservice/grpcservice/runtime"
)

// Maximum number of waiting operations that keep the values of their starting call, and the
// maximum size of their requests, which these values may hold. Beyond that, the oldest keep only
// what other processes have too.
const (
	maxOrigins     = 1024
	maxOriginBytes = 8 << 20
)

// origins keeps the contexts of calls that started operations here, until the operations run. The
// oldest are dropped first.
type origins struct {
	mu    sync.Mutex
	kept  map[string]origin
	names [maxOrigins]string // a ring of those from first to next
	first int                // counted from the first there was, as next is
	next  int
	bytes int
}

// origin is the context of a call and the size of its request.
type origin struct {
	ctx   context.Context
	bytes int
}

func (o *origins) keep(name string, ctx context.Context, bytes int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.kept == nil {
		o.kept = make(map[string]origin)
	}
	o.kept[name], o.names[o.next%maxOrigins] = origin{ctx, bytes}, name
	o.bytes += bytes
	o.next++
	for o.next-o.first >= maxOrigins || o.bytes > maxOriginBytes {
		o.drop(o.names[o.first%maxOrigins])
		o.first++
	}
}

// take returns and forgets the context of an operation, or returns nil.
func (o *origins) take(name string) context.Context {
	o.mu.Lock()
	defer o.mu.Unlock()
	ctx := o.kept[name].ctx
	o.drop(name)
	return ctx
}

// drop forgets the context of an operation. o is locked.
func (o *origins) drop(name string) {
	o.bytes -= o.kept[name].bytes
	delete(o.kept, name)
}

// contextOf returns the base context for the work of an operation: the values of the call that
// started it if that was here and recent, and always its principal, request ID and trace.
func (m *Manager) contextOf(op *Record) context.Context {
	if ctx := m.origins.take(op.Name); ctx != nil {
		return ctx
	}
	origin := runtime.Origin{RequestID: op.Carrier[requestIDHeader]}
	if op.Principal != "" {
		origin.Principal = runtime.NewPrincipal(op.Principal, op.Scopes...)
	}
	return runtime.WithOrigin(m.extract(op), origin)
}

// extract returns the context that an operation inherits. A caller may have sent it: if it cannot
// be read, the work runs without it.
func (m *Manager) extract(op *Record) (ctx context.Context) {
	defer func() {
		if value := recover(); value != nil {
			m.config.logger.LogAttrs(context.Background(), slog.LevelError, "panic", slog.String(logOperation, op.Name),
				slog.Any("panic", value), slog.String("stack", string(debug.Stack())))
			ctx = context.Background()
		}
	}()
	return m.config.extract(context.Background(), op.Carrier)
}

// carrierOf returns what an operation inherits from the call of ctx.
func (m *Manager) carrierOf(ctx context.Context) map[string]string {
	carrier := map[string]string{}
	for key, value := range m.config.inject(ctx) {
		carrier[key] = value
	}
	if id := runtime.OriginOf(ctx).RequestID; id != "" {
		carrier[requestIDHeader] = id
	}
	return carrier
}

// requestIDHeader is the key of the request ID in carriers and in metadata.
const requestIDHeader = "x-request-id"

// maxTraceHeader is the maximum length of a trace context header: the length that the standard
// requires implementations to support.
const maxTraceHeader = 512

// traceHeaders returns the W3C trace context that a call came with.
func traceHeaders(ctx context.Context) map[string]string {
	carrier := map[string]string{}
	for _, key := range []string{"traceparent", "tracestate"} {
		if sent := metadata.ValueFromIncomingContext(ctx, key); len(sent) == 1 && len(sent[0]) <= maxTraceHeader {
			carrier[key] = sent[0]
		}
	}
	return carrier
}

// withTraceHeaders returns ctx as the context of a call with the trace headers of a carrier.
func withTraceHeaders(ctx context.Context, carrier map[string]string) context.Context {
	md := metadata.MD{}
	for _, key := range []string{"traceparent", "tracestate"} {
		if value := carrier[key]; value != "" {
			md.Set(key, value)
		}
	}
	if len(md) == 0 {
		return ctx
	}
	return metadata.NewIncomingContext(ctx, md)
}
