package grpcprom

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/grpcservice/grpcservice/runtime/metric"
)

// Option configures [Metrics].
type Option func(*Metrics)

// WithBuckets sets the upper bounds of the classic buckets of the histograms of durations, in
// seconds, in ascending order, at most 100. The default is [metric.HandlingBuckets]. Without
// bounds, only the native histogram remains.
func WithBuckets(bounds ...float64) Option {
	return func(m *Metrics) {
		if n := len(bounds); n > 0 && math.IsInf(bounds[n-1], 1) {
			bounds = bounds[:n-1] // a histogram always has this bucket
		}
		for i, bound := range bounds {
			switch {
			case !(bound >= 1e-9 && bound <= 1e9):
				m.fail("WithBuckets: %v is no bound; use seconds between 1e-9 and 1e9", bound)
				return
			case i > 0 && bound <= bounds[i-1]:
				m.fail("WithBuckets: %v follows %v; sort the bounds in ascending order", bound, bounds[i-1])
				return
			case i == maxBuckets:
				m.fail("WithBuckets: %d bounds; use at most %d", len(bounds), maxBuckets)
				return
			}
		}
		m.buckets = slices.Clone(bounds)
	}
}

// maxBuckets is the maximum number of classic buckets.
const maxBuckets = 100

// WithoutNativeHistograms omits the native histograms. Prometheus requests them only if it is
// configured to store them; without them, a method takes less memory.
func WithoutNativeHistograms() Option { return func(m *Metrics) { m.native = false } }

// WithoutHistograms omits the histograms of durations, which are most of the series of a method.
func WithoutHistograms() Option { return func(m *Metrics) { m.histograms = false } }

// WithExemplars links buckets to traces: labels returns the labels of an exemplar for the context
// of a call that has finished, such as its trace ID, or nil for none; pass
// grpcotel.ExemplarLabels. A bucket of a method gets a new exemplar at most once a second.
//
// Names and values together have at most 128 characters; other exemplars are dropped. Prometheus
// reads exemplars from OpenMetrics and from protobuf.
func WithExemplars(labels func(context.Context) map[string]string) Option {
	return func(m *Metrics) {
		if labels == nil {
			m.fail("WithExemplars: the function is nil")
			return
		}
		m.exemplars = labels
	}
}

// WithLabels adds a label to grpc_*_handled_total and grpc_*_handling_seconds, such as the tier of
// a customer. value returns its value when a call has finished, so that the principal is known; a
// value that is not one of values is counted as "other". The number of series grows with the
// product of the values of all labels, of which there may be at most 1000 combinations.
func WithLabels(name string, values []string, value func(context.Context) string) Option {
	return func(m *Metrics) {
		switch {
		case value == nil:
			m.fail("WithLabels: the function of %q is nil", name)
		case !validLabel(name) || name == "le":
			m.fail("WithLabels: %q is no name of a label; use letters, digits and underscores", name)
		case strings.HasPrefix(name, "grpc_"):
			m.fail("WithLabels: %q is reserved; use a name that does not start with grpc_", name)
		case slices.ContainsFunc(m.labels, func(l label) bool { return l.name == name }):
			m.fail("WithLabels: %q is added twice", name)
		default:
			m.labels = append(m.labels, newLabel(name, values, value))
		}
	}
}

// WithConstLabels adds labels with fixed values to all metrics, so that several Metrics, such as
// those of two servers, can be registered in one registry.
func WithConstLabels(labels map[string]string) Option {
	return func(m *Metrics) {
		for name := range labels {
			if !validLabel(name) || name == "le" || strings.HasPrefix(name, "grpc_") {
				m.fail("WithConstLabels: %q is no name of a label, or is reserved", name)
			}
		}
		m.constLabels = maps.Clone(labels)
		for name, value := range m.constLabels {
			m.constLabels[name] = strings.ToValidUTF8(value, "\uFFFD")
		}
	}
}

// WithSources is [Metrics.Add] as an option.
func WithSources(sources ...metric.Source) Option {
	return func(m *Metrics) { m.Add(sources...) }
}

// WithLogger sets the logger for sources that fail and for metrics that collide. The default is
// [slog.Default]. Each problem is logged once.
func WithLogger(logger *slog.Logger) Option {
	return func(m *Metrics) {
		if logger == nil {
			m.fail("WithLogger: the logger is nil")
			return
		}
		m.log.logger = logger
	}
}

// fail records an error of the options.
func (m *Metrics) fail(format string, args ...any) {
	m.err = errors.Join(m.err, fmt.Errorf("grpcprom: "+format, args...))
}

// check checks what the options amount to.
func (m *Metrics) check() {
	if combinations(m.labels) > maxCombinations {
		m.fail("WithLabels: %d combinations of values; use at most %d",
			combinations(m.labels), maxCombinations)
	}
	for _, l := range m.labels {
		if _, taken := m.constLabels[l.name]; taken {
			m.fail("WithConstLabels: WithLabels adds %q, too", l.name)
		}
	}
	if m.err != nil {
		m.labels, m.constLabels = nil, nil
	}
}

// validLabel reports whether all versions of Prometheus accept the name of a label.
func validLabel(name string) bool {
	return validName(name, false) && !strings.HasPrefix(name, "__")
}

// validName reports whether all versions of Prometheus accept a name, that of a metric with colons.
func validName(name string, colons bool) bool {
	for i, r := range name {
		switch {
		case r == '_', 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', colons && r == ':':
		case i > 0 && '0' <= r && r <= '9':
		default:
			return false
		}
	}
	return name != ""
}
