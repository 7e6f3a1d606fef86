package grpcotel

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"
	otelcodes "go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// activeSpan is the context of a call whose span is recorded. A call whose span is not has none.
type activeSpan struct {
	context.Context
	span  trace.Span
	call  runtime.Call // whose span it is: calls inherit the contexts of others
	ended atomic.Bool
}

// attributeLists are for the attributes that a call adds at its end: spans copy them.
var attributeLists = sync.Pool{New: func() any { return new([16]attribute.KeyValue) }}

type spanKey struct{}

// Value implements context.Context.
func (s *activeSpan) Value(key any) any {
	if key == (spanKey{}) {
		return s
	}
	return s.Context.Value(key)
}

// spanOf returns the recorded span of a call; nil if it is not recorded.
func spanOf(ctx context.Context, call runtime.Call) *activeSpan {
	s, ok := ctx.Value(spanKey{}).(*activeSpan)
	if !ok || s.call != call {
		return nil
	}
	return s
}

// begin starts the span of a call in parent. It returns the context of the call.
func (m *boundMethod) begin(
	parent context.Context, call runtime.Call, options []trace.SpanStartOption,
) context.Context {
	ctx, span := m.t.tracer.Start(parent, m.span, options...)
	if !span.IsRecording() {
		return ctx
	}
	return &activeSpan{Context: ctx, span: span, call: call}
}

// end ends the span of a call; describe appends attributes besides those of its outcome. Only the
// first call has an effect.
func (m *boundMethod) end(
	s *activeSpan, o *outcome, result runtime.Outcome, code codes.Code,
	describe func([]attribute.KeyValue, runtime.Call) []attribute.KeyValue,
) {
	if s.ended.Swap(true) {
		return
	}
	defer m.t.shield()
	defer s.span.End()
	list := attributeLists.Get().(*[16]attribute.KeyValue)
	attrs := describe(append(list[:0], o.span...), s.call)
	if m.streams {
		attrs = append(attrs,
			keyReceived.Int64(s.call.Received()), keySent.Int64(s.call.Sent()))
	}
	if result.Step != "" {
		attrs = append(attrs, keyStep.String(result.Step))
	}
	if code != codes.OK {
		if reason := rpcerr.ReasonOf(result.Err); reason != "" {
			attrs = append(attrs, keyReason.String(text(string(reason), maxReason)))
		}
	}
	s.span.SetAttributes(attrs...)
	clear(list[:])
	attributeLists.Put(list)
	if m.failed(code) {
		s.span.SetStatus(otelcodes.Error, m.description(result))
	}
}

// description returns the text of a failed span.
func (m *boundMethod) description(result runtime.Outcome) string {
	if result.Cause != nil && !m.t.settings.noCauses {
		return text(fmt.Sprint(result.Cause), maxCause) // fmt recovers panics of errors
	}
	return text(status.Convert(result.Err).Message(), maxCause)
}
