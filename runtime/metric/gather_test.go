package metric_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/grpcservice/grpcservice/runtime/metric"
)

// collector is a source that reports what a function does.
type collector func(report metric.Report)

func (collector) Metrics() []*metric.Desc        { return nil }
func (c collector) Collect(report metric.Report) { c(report) }

func texts(series []metric.Series) (texts []string) {
	for _, s := range series {
		texts = append(texts, fmt.Sprint(s.Desc.Name, s.Labels, s.Value))
	}
	return texts
}

// TestGatherCombines reports the same series from two sources: no kind has a value that neither
// stands for.
func TestGatherCombines(t *testing.T) {
	labels := []string{"name"}
	counter := &metric.Desc{Name: "counter", Kind: metric.Counter, Labels: labels}
	again := &metric.Desc{Name: "counter", Kind: metric.Counter, Labels: labels} // of another package
	gauge := &metric.Desc{Name: "gauge", Kind: metric.Gauge}
	expires := &metric.Desc{Name: "expires", Kind: metric.Timestamp}
	info := &metric.Desc{Name: "info", Kind: metric.Info}
	first := collector(func(report metric.Report) {
		report(counter, 1, "a")
		report(gauge, 3)
		report(expires, 200)
		report(info, 1)
	})
	second := collector(func(report metric.Report) {
		report(again, 2, "b")
		report(again, 4, "a")
		report(gauge, -1)
		report(expires, 100)
		report(info, 1)
	})
	got, err := metric.Gather(first, second)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"counter[a] 5", "gauge[] 2", "expires[] 100", "info[] 1", "counter[b] 2"}
	if !slices.Equal(texts(got), want) {
		t.Errorf("got %q, want %q", texts(got), want)
	}
}

// TestGatherWithoutWrongSources holds that one wrong source costs the others nothing.
func TestGatherWithoutWrongSources(t *testing.T) {
	desc := &metric.Desc{Name: "gauge", Kind: metric.Gauge, Labels: []string{"name"}}
	other := &metric.Desc{Name: "gauge", Kind: metric.Gauge, Labels: []string{"room"}}
	got, err := metric.Gather(
		collector(func(report metric.Report) {
			report(desc, 1, "lost")
			panic("oops")
		}),
		collector(func(report metric.Report) {
			report(desc, 1) // its label lacks
			report(desc, 2, "kept")
		}),
		collector(func(report metric.Report) { report(other, 3, "lost") }),
	)
	if want := []string{"gauge[kept] 2"}; !slices.Equal(texts(got), want) {
		t.Errorf("got %q, want %q", texts(got), want)
	}
	for _, want := range []string{"metric_test.collector panicked", "oops", `for ["room"], want ["name"]`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v, want one with %q", err, want)
		}
	}
}

// TestGatherKeepsLabels holds that a source may use the same memory for the labels of all series.
func TestGatherKeepsLabels(t *testing.T) {
	desc := &metric.Desc{Name: "gauge", Kind: metric.Gauge, Labels: []string{"name"}}
	got, _ := metric.Gather(collector(func(report metric.Report) {
		labels := []string{"a"}
		report(desc, 1, labels...)
		labels[0] = "b"
		report(desc, 2, labels...)
	}))
	if want := []string{"gauge[a] 1", "gauge[b] 2"}; !slices.Equal(texts(got), want) {
		t.Errorf("got %q, want %q", texts(got), want)
	}
}
