package grpcprom_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
)

// TestMain lets the tests use the echo service.
func TestMain(m *testing.M) { echotest.Main(m) }

// families gathers a collector through a registry that checks all that registries check.
func families(t testing.TB, c prometheus.Collector) []*dto.MetricFamily {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	if err := registry.Register(c); err != nil {
		t.Fatal(err)
	}
	got, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// series returns the values of a collector; of histograms, their counts. Keys are such as
// `grpc_server_started_total{grpc_method="One",grpc_service="test.v1.Echo",grpc_type="unary"}`.
func series(t testing.TB, c prometheus.Collector) map[string]float64 {
	t.Helper()
	return valuesOf(families(t, c))
}

func valuesOf(families []*dto.MetricFamily) map[string]float64 {
	values := make(map[string]float64)
	for _, family := range families {
		for _, m := range family.Metric {
			var labels []string
			for _, pair := range m.Label {
				labels = append(labels, fmt.Sprintf("%s=%q", pair.GetName(), pair.GetValue()))
			}
			key := family.GetName() + "{" + strings.Join(labels, ",") + "}"
			switch {
			case m.Counter != nil:
				values[key] = m.Counter.GetValue()
			case m.Gauge != nil:
				values[key] = m.Gauge.GetValue()
			case m.Histogram != nil:
				values[key] = float64(m.Histogram.GetSampleCount())
			}
		}
	}
	return values
}

// want checks the values of all series that have a value other than zero.
func want(t testing.TB, c prometheus.Collector, want map[string]float64) {
	t.Helper()
	got := series(t, c)
	maps.DeleteFunc(got, func(_ string, v float64) bool { return v == 0 })
	if maps.Equal(got, want) {
		return
	}
	for _, key := range slices.Sorted(maps.Keys(got)) {
		if got[key] != want[key] {
			t.Errorf("%s is %v, want %v", key, got[key], want[key])
		}
	}
	for _, key := range slices.Sorted(maps.Keys(want)) {
		if _, ok := got[key]; !ok {
			t.Errorf("%s is missing, want %v", key, want[key])
		}
	}
}

// call is the series of a call: a metric of an end, with the labels of a method of the echo
// service.
func call(name, kind, method string, more ...string) string {
	labels := []string{
		fmt.Sprintf("grpc_method=%q", method), `grpc_service="test.v1.Echo"`,
		fmt.Sprintf("grpc_type=%q", kind),
	}
	labels = append(labels, more...)
	slices.Sort(labels)
	return name + "{" + strings.Join(labels, ",") + "}"
}
