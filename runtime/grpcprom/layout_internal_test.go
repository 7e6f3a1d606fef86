package grpcprom

import (
	"math"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/proto"

	"github.com/grpcservice/grpcservice/runtime/metric"
)

// written returns what a metric writes, without its labels and times.
func written(t *testing.T, m prometheus.Metric) *dto.Histogram {
	t.Helper()
	var out dto.Metric
	if err := m.Write(&out); err != nil {
		t.Fatal(err)
	}
	out.Histogram.CreatedTimestamp = nil
	return out.Histogram
}

// TestHistogramIsThatOfClientGolang observes the same durations with client_golang's histogram: the
// results are equal, byte for byte, except for the last bits of the sum.
func TestHistogramIsThatOfClientGolang(t *testing.T) {
	for name, bounds := range map[string][]float64{
		"default": metric.HandlingBuckets(), "none": nil, "powers": {0.25, 0.5, 1, 2}, "close": {1e-9, 1.0000001, 1.0000002, 1e9},
	} {
		for _, n := range []int{0, 1, 20, 5000} {
			l := newLayout(bounds, true)
			tally := &tally{cells: make([]atomic.Uint64, l.cells())}
			theirs := prometheus.NewHistogram(prometheus.HistogramOpts{
				Name: "h", Buckets: append([]float64{}, bounds...), NativeHistogramBucketFactor: 1.1,
				NativeHistogramZeroThreshold: nativeBound(nativeFirst),
			})
			for _, d := range durations(n, bounds) {
				theirs.Observe(d.Seconds())
				tally.observe(l, d)
			}
			h := &histogram{desc: theirs.Desc(), layout: l}
			h.snapshot(tally)
			got, want := written(t, h), written(t, theirs)
			if math.Abs(got.GetSampleSum()-want.GetSampleSum()) > 1e-6*want.GetSampleSum() {
				t.Errorf("%s: the sum is %v, want %v", name, got.GetSampleSum(), want.GetSampleSum())
			}
			got.SampleSum = want.SampleSum
			if len(bounds) == 0 {
				want.Bucket = nil
			}
			if !proto.Equal(got, want) {
				t.Errorf("%s, %d durations:\ngot  %v\nwant %v", name, n, got, want)
			}
		}
	}
}

// durations returns random durations of all sizes, and all bounds with their neighbours.
func durations(n int, bounds []float64) []time.Duration {
	r := rand.New(rand.NewPCG(1, uint64(n)))
	var all []time.Duration
	for range n {
		all = append(all, time.Duration(math.Exp(r.Float64()*math.Log(1e14))))
	}
	if n < 100 {
		return all
	}
	for _, bound := range bounds {
		d := time.Duration(bound * 1e9)
		all = append(all, d-1, d, d+1)
	}
	for i := nativeFirst; i < nativeLast-8; i++ {
		d := time.Duration(nativeBound(i) * 1e9)
		all = append(all, d-1, d, d+1)
	}
	return slices.DeleteFunc(append(all, 0, 1), func(d time.Duration) bool {
		return d < 0 || d.Seconds() > nativeBound(nativeLast-1)
	})
}

// TestEveryDurationHasACell holds that no duration is lost, whatever a clock does.
func TestEveryDurationHasACell(t *testing.T) {
	for _, native := range []bool{true, false} {
		l := newLayout([]float64{0.005, 1}, native)
		for _, d := range []time.Duration{math.MinInt64, -1, 0, 1, time.Second, math.MaxInt64} {
			cell := l.cell(d)
			if cell < 0 || cell >= l.cells() {
				t.Errorf("%v has the cell %d of %d", d, cell, l.cells())
			}
			if bucket := l.bucket[cell]; (bucket == 0) != (d <= 5*time.Millisecond) || (bucket == 2) != (d > time.Second) {
				t.Errorf("%v is in bucket %d", d, bucket)
			}
		}
	}
}
