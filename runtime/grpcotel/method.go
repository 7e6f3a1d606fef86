package grpcotel

import (
	"context"
	"strings"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	otelmetric "go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/codes"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/metric"
)

// unknownMethod is the path under which the runtime shows calls of unknown methods, on servers and
// on clients.
const unknownMethod = "/unknown/unknown"

// boundMethod is a method with everything that its calls need resolved once.
type boundMethod struct {
	t         *Telemetry
	info      runtime.MethodInfo
	span      string // the name
	start     []trace.SpanStartOption
	more      []attribute.KeyValue // of spans and metrics, besides the name of the method
	failed    func(codes.Code) bool
	durations durations
	streams   bool

	outcomes [codeCount]atomic.Pointer[outcome] // made when the code occurs first
}

// outcome is what a status code adds to the spans and metrics of a method.
type outcome struct {
	span    []attribute.KeyValue
	current []otelmetric.RecordOption
	old     []otelmetric.RecordOption
}

// bind resolves the method of one side, whose failed and durations are set; more are its
// attributes.
func (m *boundMethod) bind(
	t *Telemetry, info runtime.MethodInfo, kind trace.SpanKind, more ...attribute.KeyValue,
) {
	info.Service, info.Name = text(info.Service, maxName), text(info.Name, maxName)
	m.t, m.info, m.more = t, info, more
	m.span = info.Service + "/" + info.Name
	m.streams = info.Kind != runtime.KindUnary
	if !m.known() {
		m.span = systemGRPC
	}
	m.start = []trace.SpanStartOption{
		trace.WithSpanKind(kind), trace.WithAttributes(m.attributes(t.names)...),
	}
}

func (m *boundMethod) known() bool { return m.info.FullMethod != unknownMethod }

// attributes returns the attributes of all calls of the method.
func (m *boundMethod) attributes(names conventions) []attribute.KeyValue {
	return append(names.method(m.info.Service, m.info.Name, m.known()), m.more...)
}

// outcome returns what a code adds. It is called with whatever a remote server sends.
func (m *boundMethod) outcome(code codes.Code) *outcome {
	slot := slotOf(code)
	if o := m.outcomes[slot].Load(); o != nil {
		return o
	}
	code = codes.Code(slot)
	o := &outcome{span: m.t.names.status(code, m.failed(code))}
	if m.durations.current != nil {
		names := conventions{current: true}
		attrs := append(m.attributes(names), names.status(code, m.failed(code))...)
		if m.t.names.old {
			attrs = append(attrs, keyResponseStatusCode.String(codeName(code)))
		}
		o.current = []otelmetric.RecordOption{otelmetric.WithAttributes(attrs...)}
	}
	if m.durations.old != nil {
		names := conventions{old: true}
		attrs := append(m.attributes(names), names.status(code, m.failed(code))...)
		o.old = []otelmetric.RecordOption{otelmetric.WithAttributes(attrs...)}
	}
	m.outcomes[slot].CompareAndSwap(nil, o)
	return o
}

// record measures a call. The span in ctx becomes the exemplar.
func (m *boundMethod) record(ctx context.Context, o *outcome, d time.Duration) {
	defer m.t.shield()
	if m.durations.current != nil {
		m.durations.current.Record(ctx, d.Seconds(), o.current...)
	}
	if m.durations.old != nil {
		m.durations.old.Record(ctx, d.Seconds()*1000, o.old...)
	}
}

// labels returns the labels of the method in the metrics of this project.
func (m *boundMethod) labels(more ...attribute.KeyValue) otelmetric.MeasurementOption {
	return otelmetric.WithAttributes(append(more,
		attribute.String(metric.LabelService, m.info.Service),
		attribute.String(metric.LabelMethod, m.info.Name))...)
}

// Lengths in bytes to which texts are cut.
const (
	maxName   = 256
	maxReason = 128
	maxCause  = 1024
)

// text returns s as valid UTF-8, cut to a number of bytes. One attribute that is not valid UTF-8
// keeps OTLP from exporting the whole batch.
func text(s string, size int) string {
	if len(s) > size {
		s = s[:size]
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}
