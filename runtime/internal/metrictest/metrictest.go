// Package metrictest tests sources of metrics.
package metrictest

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/grpcservice/grpcservice/runtime/metric"
)

// Collect returns what a source reports: the values of its series, whose keys are such as
// `hub_lost_total{name="chat",policy="block"}`. It fails the test if the source reports a metric
// that it does not describe, or wrong labels.
func Collect(t testing.TB, source metric.Source) map[string]float64 {
	t.Helper()
	known, series := source.Metrics(), map[string]float64{}
	source.Collect(func(desc *metric.Desc, value float64, labels ...string) {
		if !slices.Contains(known, desc) {
			t.Errorf("%s is reported, and is not one of Metrics", desc.Name)
		}
		if len(labels) != len(desc.Labels) {
			t.Errorf("%s has the labels %q, want values of %q", desc.Name, labels, desc.Labels)
			return
		}
		if desc.Kind == metric.Counter && value < 0 {
			t.Errorf("%s is %v; a counter starts at 0", desc.Name, value)
		}
		series[Key(desc, labels...)] += value
	})
	return series
}

// Key returns the key of a series in the result of [Collect].
func Key(desc *metric.Desc, labels ...string) string {
	pairs := make([]string, len(labels))
	for i, value := range labels {
		pairs[i] = fmt.Sprintf("%s=%q", desc.Labels[i], value)
	}
	return desc.Name + "{" + strings.Join(pairs, ",") + "}"
}

// Want checks values of series that a source reports now.
func Want(t testing.TB, source metric.Source, want map[string]float64) {
	t.Helper()
	got := Collect(t, source)
	for key, value := range want {
		if found, ok := got[key]; !ok || found != value {
			t.Errorf("%s is %v (%v), want %v\nall: %v", key, found, ok, value, got)
		}
	}
}

// Documented checks that the table of the section "Metrics" of a page has the metrics of sources in
// their order, with their types, labels and meanings, and that their names follow the conventions.
func Documented(t *testing.T, page string, sources ...metric.Source) {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	want := table(t, sources)
	_, section, found := strings.Cut(string(text), "\n## Metrics\n")
	if section, _, _ = strings.Cut(section, "\n## "); !found || !strings.Contains(section, want) {
		t.Errorf("%s: the section \"## Metrics\" lacks this table:\n%s", page, want)
	}
}

// table returns the table of the metrics of sources, without duplicates.
func table(t *testing.T, sources []metric.Source) string {
	t.Helper()
	var text strings.Builder
	text.WriteString("| Metric | Type | Labels | Meaning |\n| --- | --- | --- | --- |\n")
	seen := map[string]bool{}
	for _, desc := range metric.Sources(sources).Metrics() {
		if seen[desc.Name] {
			continue
		}
		seen[desc.Name] = true
		kind := "gauge"
		if desc.Kind == metric.Counter {
			kind = "counter"
		}
		if counts := strings.HasSuffix(desc.Name, "_total"); counts != (kind == "counter") {
			t.Errorf("%s is a %s; only names of counters end with _total", desc.Name, kind)
		}
		if !strings.HasPrefix(desc.Name, "grpcservice_") || !strings.HasSuffix(desc.Help, ".") {
			t.Errorf("%s: %q is no sentence, or the name lacks grpcservice_", desc.Name, desc.Help)
		}
		labels := make([]string, len(desc.Labels))
		for i, label := range desc.Labels {
			labels[i] = "`" + label + "`"
		}
		fmt.Fprintf(&text, "| `%s` | %s | %s | %s |\n",
			desc.Name, kind, strings.Join(labels, ", "), desc.Help)
	}
	return text.String()
}
