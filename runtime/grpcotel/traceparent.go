package grpcotel

import (
	"context"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/grpcservice/grpcservice/runtime/internal/ctxkey"
	"github.com/grpcservice/grpcservice/runtime/internal/incoming"
)

// callerSpan is a context with the span of a caller. It is what [propagation.TraceContext] makes of
// the usual headers, in one allocation.
type callerSpan struct {
	context.Context
	remoteSpan
}

// remoteSpan is a span that another process records.
type remoteSpan struct {
	noop.Span
	of trace.SpanContext
}

// SpanContext implements [trace.Span].
func (s *remoteSpan) SpanContext() trace.SpanContext { return s.of }

// Value implements [context.Context].
func (c *callerSpan) Value(key any) any {
	if key == otelSpanKey {
		return &c.remoteSpan
	}
	return c.Context.Value(key)
}

// otelSpanKey is the key of spans in contexts, which OpenTelemetry does not export.
var otelSpanKey = ctxkey.Of(func(ctx context.Context) { trace.SpanFromContext(ctx) })

// withCaller returns ctx with the span of the caller. It returns false if only the propagator can
// read the headers.
func (t *Telemetry) withCaller(
	ctx context.Context, header incoming.Header,
) (context.Context, bool) {
	if _, ok := t.propagator.(propagation.TraceContext); !ok || otelSpanKey == nil {
		return nil, false
	}
	values := header.Values(traceparent)
	if len(values) == 0 {
		return ctx, true
	}
	if len(values) > 1 || len(header.Values("tracestate")) > 0 {
		return nil, false
	}
	of, ok := parseTraceparent(values[0])
	if !ok {
		return nil, false
	}
	return &callerSpan{Context: ctx, remoteSpan: remoteSpan{of: of}}, true
}

// parseTraceparent returns the span of a header of version 00 with the flag sampled, or none, as
// the W3C Trace Context defines it. It returns false for anything else, whether valid or not.
func parseTraceparent(header string) (of trace.SpanContext, ok bool) {
	const size = len("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	if len(header) != size || header[:3] != "00-" || header[35] != '-' ||
		header[52:54] != "-0" || header[54]&^1 != '0' {
		return of, false
	}
	config := trace.SpanContextConfig{TraceFlags: trace.TraceFlags(header[54] & 1), Remote: true}
	if !decodeHex(config.TraceID[:], header[3:35]) || !decodeHex(config.SpanID[:], header[36:52]) {
		return of, false
	}
	of = trace.NewSpanContext(config)
	return of, of.IsValid()
}

// decodeHex fills bytes from twice as many digits, in lower case as in a traceparent.
func decodeHex(bytes []byte, digits string) bool {
	for i := range bytes {
		high, low := digit(digits[2*i]), digit(digits[2*i+1])
		if high|low > 15 {
			return false
		}
		bytes[i] = high<<4 | low
	}
	return true
}

// digit returns the value of a hexadecimal digit, or 255.
func digit(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	default:
		return 255
	}
}
