package grpcotel

import (
	"context"
	"net"
	"net/netip"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/metric"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// serverObserver observes the calls that a server receives. operation.Register finds it among the
// observers of the server, and traces attempts at operations with it.
type serverObserver struct{ t *Telemetry }

// Inject is [Telemetry.Inject].
func (o serverObserver) Inject(ctx context.Context) map[string]string { return o.t.Inject(ctx) }

// Attempt is [Telemetry.Attempt].
func (o serverObserver) Attempt(
	ctx context.Context, operation, method string, number int, carrier map[string]string,
) (attempt context.Context, end func(error)) {
	return o.t.Attempt(ctx, operation, method, number, carrier)
}

// Bind implements [runtime.Observer].
func (o serverObserver) Bind(info runtime.MethodInfo) runtime.MethodObserver {
	m := &serverMethod{boundMethod{failed: serverFailed, durations: o.t.server}}
	m.bind(o.t, info, trace.SpanKindServer)
	return m
}

// serverMethod observes the calls of one method of a server.
type serverMethod struct{ boundMethod }

// Begin implements [runtime.MethodObserver].
func (m *serverMethod) Begin(ctx context.Context, call runtime.Call) (began context.Context) {
	defer m.t.shield()
	began = ctx
	parent := ctx
	// A span that something else has started for this call, such as a stats.Handler, is nearer than
	// that of the caller.
	if !trace.SpanContextFromContext(ctx).IsValid() {
		parent = m.t.extract(ctx)
	}
	options := m.start
	if m.t.settings.public {
		options = append(options[:len(options):len(options)], newTrace(parent)...)
	}
	return m.begin(parent, call, options)
}

// newTrace returns the options of a span that starts a trace, with a link to the span in ctx, if
// any.
func newTrace(ctx context.Context) []trace.SpanStartOption {
	options := []trace.SpanStartOption{trace.WithNewRoot()}
	if caller := trace.SpanContextFromContext(ctx); caller.IsValid() {
		options = append(options, trace.WithLinks(trace.Link{SpanContext: caller}))
	}
	return options
}

// End implements [runtime.MethodObserver].
func (m *serverMethod) End(ctx context.Context, call runtime.Call, result runtime.Outcome) {
	code := status.Code(result.Err)
	o := m.outcome(code)
	if s := spanOf(ctx, call); s != nil {
		m.end(s, o, result, code, describeCaller)
	}
	m.record(ctx, o, result.Duration)
	if result.Step != "" || !m.known() {
		m.count(ctx, result)
	}
}

// count counts a call that was rejected, or whose method is unknown.
func (m *serverMethod) count(ctx context.Context, result runtime.Outcome) {
	defer m.t.shield()
	if !m.known() {
		m.t.unknown.Add(ctx, 1)
	}
	if result.Step == "" {
		return
	}
	// Reasons of other domains may be as many as services and authorizers like.
	reason := rpcerr.ReasonOf(result.Err)
	if reason.Domain() != rpcerr.ErrorDomain {
		reason = other
	}
	m.t.rejected.Add(ctx, 1, m.labels(
		attribute.String(metric.LabelStep, result.Step),
		attribute.String(metric.LabelReason, reason.Name())))
}

// describeCaller appends the attributes of a call that a server has received.
func describeCaller(attrs []attribute.KeyValue, call runtime.Call) []attribute.KeyValue {
	attrs = append(attrs, keyRequestID.String(call.RequestID()))
	return appendAddr(attrs, call.Peer(), keyClientAddress, keyClientPort)
}

// appendAddr appends an address; nothing for nil.
func appendAddr(
	attrs []attribute.KeyValue, addr net.Addr, keyHost, keyPort attribute.Key,
) []attribute.KeyValue {
	switch addr := addr.(type) {
	case nil:
		return attrs
	case *net.TCPAddr:
		ip, _ := netip.AddrFromSlice(addr.IP)
		return append(attrs, keyHost.String(ip.Unmap().String()), keyPort.Int(addr.Port))
	default:
		return append(attrs, keyHost.String(text(addr.String(), maxName)))
	}
}
