package sdktest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	otelcodes "go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/grpcservice/grpcservice/runtime/grpcotel"
)

// TestAttempts starts attempts in another process: only the carrier connects them with the call.
func TestAttempts(t *testing.T) {
	for _, test := range []struct {
		name    string
		options []grpcotel.Option
		child   bool
		want    string // the description of the failed attempt
	}{
		{"by default", nil, true, "brush broken"},
		{"new traces", []grpcotel.Option{grpcotel.WithNewTraces()}, false, "brush broken"},
		{"without causes", []grpcotel.Option{grpcotel.WithoutCauses()}, true, "Unknown"},
	} {
		r := newRig(t, test.options...)
		call, span := r.traces.Tracer("test").Start(context.Background(), "call")
		carrier := r.Inject(call)
		span.End()
		for number, err := range []error{errors.New("brush broken"), nil} {
			ctx, end := r.Attempt(context.Background(), "operations/1", "/paint.v1.Painter/Paint", number+1, carrier)
			if !trace.SpanFromContext(ctx).IsRecording() {
				t.Errorf("%s: the work has no span", test.name)
			}
			end(err)
			end(errors.New("again"))
		}
		for i, s := range r.ended(t, trace.SpanKindConsumer, 2) {
			if s.Name() != "operation paint.v1.Painter/Paint" || value(s, "grpcservice.operation") != "operations/1" {
				t.Errorf("%s: the span is %q with %q", test.name, s.Name(), texts(s.Attributes()))
			}
			if got := s.Parent().SpanID() == span.SpanContext().SpanID(); got != test.child {
				t.Errorf("%s: attempt %d is a child of the call: %v", test.name, i+1, got)
			}
			if links := s.Links(); len(links) != 1 || links[0].SpanContext.SpanID() != span.SpanContext().SpanID() {
				t.Errorf("%s: the links are %v", test.name, links)
			}
			if failed := s.Status().Code == otelcodes.Error; failed != (i == 0) || failed && s.Status().Description != test.want {
				t.Errorf("%s: attempt %d has the status %v", test.name, i+1, s.Status())
			}
		}
		r.checkBalance(t)
	}
}

// TestCarriersOfStores holds that nothing in a store keeps an attempt from running, or from being
// exported.
func TestCarriersOfStores(t *testing.T) {
	r := newRig(t)
	for _, carrier := range []map[string]string{
		nil, {}, {"traceparent": "\xff"}, {"traceparent": strings.Repeat("0", 1<<20)},
		{"traceparent": caller, "tracestate": strings.Repeat("a=1,", 4000)}, {"\xff": "\xff", "": ""},
	} {
		_, end := r.Attempt(context.Background(), "operations/\xff", "/a\xff/b", 1, carrier)
		end(errors.New("\xff"))
	}
	for _, s := range r.ended(t, trace.SpanKindConsumer, 6) {
		all := append(texts(s.Attributes()), s.Name(), s.Status().Description)
		if i := slices.IndexFunc(all, func(s string) bool { return strings.Contains(s, "\xff") }); i >= 0 {
			t.Errorf("%q is not UTF-8", all[i])
		}
	}
}
