package grpcotel

import (
	"reflect"

	otelmetric "go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/grpcservice/grpcservice/runtime/metric"
)

// Option configures [New].
type Option func(*settings)

// settings collects the options.
type settings struct {
	tracers    trace.TracerProvider
	meters     otelmetric.MeterProvider
	propagator propagation.TextMapPropagator
	baggage    bool
	public     bool
	noCauses   bool
	newTraces  bool
	sources    []metric.Source
}

// WithTracerProvider sets what makes spans. The default, also for nil, is the global provider. To
// make no spans, pass one of go.opentelemetry.io/otel/trace/noop; the caller's trace is still
// passed on.
func WithTracerProvider(p trace.TracerProvider) Option {
	return func(s *settings) {
		if !isNil(p) {
			s.tracers = p
		}
	}
}

// WithMeterProvider sets what makes metrics. The default, also for nil, is the global provider. To
// make no metrics, for example because grpcprom does, pass one of
// go.opentelemetry.io/otel/metric/noop.
func WithMeterProvider(p otelmetric.MeterProvider) Option {
	return func(s *settings) {
		if !isNil(p) {
			s.meters = p
		}
	}
}

// WithPropagator sets how trace contexts are read from and written to metadata. The default, also
// for nil, is the W3C trace context alone, whatever the global propagator is: that usually includes
// baggage.
func WithPropagator(p propagation.TextMapPropagator) Option {
	return func(s *settings) {
		if !isNil(p) {
			s.propagator = p
		}
	}
}

// WithBaggage also propagates W3C baggage: whatever callers send in it is passed on to all servers
// that are called, and what this process adds to it leaves with every call. It is off by default.
func WithBaggage() Option { return func(s *settings) { s.baggage = true } }

// WithPublicEndpoint starts a new trace for each call that a server receives, with a link to the
// caller's span. By default, the server's span is a child of the caller's: a caller then decides
// whether the call is sampled. Use it if callers are not trusted with that.
func WithPublicEndpoint() Option { return func(s *settings) { s.public = true } }

// WithNewTraces starts a new trace for each attempt at an operation, with a link to the call that
// started it. By default, an attempt belongs to the trace of that call, and has the link, too. Use
// it if operations run for longer than your tracing backend waits for the spans of a trace.
func WithNewTraces() Option { return func(s *settings) { s.newTraces = true } }

// WithoutCauses leaves the causes of errors out of spans. By default, the description of a failed
// span is the underlying error, as in the access log, cut to 1 KiB. Callers never receive it, but
// whoever reads the traces does. Without causes, the description is the message that the caller
// receives.
func WithoutCauses() Option { return func(s *settings) { s.noCauses = true } }

// WithSources adds sources of metrics; see [Telemetry.Add].
func WithSources(sources ...metric.Source) Option {
	return func(s *settings) { s.sources = append(s.sources, sources...) }
}

func isNil(value any) bool {
	v := reflect.ValueOf(value)
	return value == nil || v.Kind() == reflect.Pointer && v.IsNil()
}
