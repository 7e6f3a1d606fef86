package grpcotel

import (
	"context"
	"fmt"
	"sync"

	"go.opentelemetry.io/otel"
	otelmetric "go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/metric"
)

// scopeName is the name of the instrumentation scope.
const scopeName = "github.com/grpcservice/grpcservice/runtime/grpcotel"

// Telemetry makes spans and metrics of calls. It is safe for concurrent use.
type Telemetry struct {
	tracer     trace.Tracer
	propagator propagation.TextMapPropagator
	names      conventions
	settings   *settings

	server, client durations
	rejected       otelmetric.Int64Counter
	unknown        otelmetric.Int64Counter
	attempts       otelmetric.Int64Counter

	sources   sourceSet
	reportOne sync.Once
}

// durations are the instruments of one side; nil for conventions that are not emitted.
type durations struct {
	current otelmetric.Float64Histogram
	old     otelmetric.Float64Histogram
}

// New returns a Telemetry that uses the global providers of OpenTelemetry, also if they are set
// later, and propagates the W3C trace context. It reads OTEL_SEMCONV_STABILITY_OPT_IN; see the
// documentation of the package. Errors of the meter provider and of [WithSources] go to
// OpenTelemetry's error handler.
func New(opts ...Option) *Telemetry {
	s := &settings{
		tracers: otel.GetTracerProvider(), meters: otel.GetMeterProvider(),
		propagator: propagation.TraceContext{},
	}
	for _, opt := range opts {
		if opt != nil {
			opt(s)
		}
	}
	if s.baggage {
		s.propagator = propagation.NewCompositeTextMapPropagator(
			s.propagator, propagation.Baggage{})
	}
	t := &Telemetry{settings: s, names: conventionsOfEnv(), propagator: s.propagator}
	t.tracer = s.tracers.Tracer(scopeName, trace.WithSchemaURL(t.names.schema()))
	meter := s.meters.Meter(scopeName, otelmetric.WithSchemaURL(t.names.schema()))
	t.server = t.durations(meter, metricServerDuration, metricOldServerDuration, "incoming")
	t.client = t.durations(meter, metricClientDuration, metricOldClientDuration, "outgoing")
	t.rejected = counter(meter, metric.ServerRejected,
		"Calls that a step of the server's pipeline rejected.")
	t.unknown = counter(meter, metric.ServerUnknownMethods, "Calls of methods that the server does not have.")
	t.attempts = counter(meter, metric.ClientAttempts, "Retries and hedges of calls.")
	t.sources.meter = meter
	if err := t.Add(s.sources...); err != nil {
		otel.Handle(fmt.Errorf("grpcotel.WithSources: %w", err))
	}
	return t
}

// durations makes the instruments of one side.
func (t *Telemetry) durations(
	meter otelmetric.Meter, current, old, direction string,
) (d durations) {
	description := "Measures the duration of an " + direction + " Remote Procedure Call (RPC)."
	if t.names.current {
		d.current = histogram(meter, current, otelmetric.WithDescription(description),
			otelmetric.WithUnit("s"),
			otelmetric.WithExplicitBucketBoundaries(metric.HandlingBuckets()...))
	}
	if t.names.old {
		d.old = histogram(meter, old, otelmetric.WithDescription(description),
			otelmetric.WithUnit("ms"))
	}
	return d
}

func histogram(
	meter otelmetric.Meter, name string, options ...otelmetric.Float64HistogramOption,
) otelmetric.Float64Histogram {
	h, err := meter.Float64Histogram(name, options...)
	if err != nil || h == nil {
		otel.Handle(fmt.Errorf("grpcotel: %s is not measured: %w", name, err))
		return noop.Float64Histogram{}
	}
	return h
}

// counter makes the instrument for a metric of this project.
func counter(meter otelmetric.Meter, name, description string) otelmetric.Int64Counter {
	c, err := meter.Int64Counter(instrumentName(name), otelmetric.WithDescription(description))
	if err != nil || c == nil {
		otel.Handle(fmt.Errorf("grpcotel: %s is not counted: %w", name, err))
		return noop.Int64Counter{}
	}
	return c
}

// Server returns the observer of a server's calls, for server.WithObservers.
func (t *Telemetry) Server() runtime.Observer { return serverObserver{t} }

// Client returns the observer of a client's calls, for client.WithObservers.
func (t *Telemetry) Client() runtime.Observer { return clientObserver{t} }

// shield keeps the call alive if a propagator, a sampler or a span processor panics. Defer it
// directly.
func (t *Telemetry) shield() {
	if value := recover(); value != nil {
		t.report(fmt.Errorf("a propagator or a provider panicked: %v", value))
	}
}

// report passes the first error to OpenTelemetry's error handler. The others are usually the same.
func (t *Telemetry) report(err error) {
	t.reportOne.Do(func() {
		otel.Handle(fmt.Errorf("grpcotel: %w; further errors are not reported", err))
	})
}

// ExemplarLabels returns the labels trace_id and span_id of the sampled span in ctx, for exemplars
// of metrics in Prometheus; nil if there is none. Pass it to grpcprom.WithExemplars.
func ExemplarLabels(ctx context.Context) map[string]string {
	span := trace.SpanContextFromContext(ctx)
	if !span.IsValid() || !span.IsSampled() {
		return nil
	}
	return map[string]string{
		logTraceID: span.TraceID().String(), logSpanID: span.SpanID().String(),
	}
}
