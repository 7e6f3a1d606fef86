package admin

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime"
)

// TestQuantilesAreExact checks that a quantile is within an eighth of the duration.
func TestQuantilesAreExact(t *testing.T) {
	for d := 1200 * time.Nanosecond; d < 2*time.Minute; d = d * 21 / 20 {
		var counts [buckets]uint64
		counts[bucketOf(d)]++
		if got := quantile(counts[:], 0.99); got < d*7/8 || got > d*9/8 {
			t.Errorf("the quantile of %v is %v", d, got)
		}
	}
	for _, d := range []time.Duration{-1, 0, 1, 1 << 62} {
		var counts [buckets]uint64
		counts[bucketOf(d)]++ // must not panic
	}
	var counts [buckets]uint64
	if got := quantile(counts[:], 0.5); got != 0 {
		t.Errorf("the median of nothing is %v", got)
	}
	for i := range 100 {
		counts[bucketOf(time.Duration(i+1)*time.Millisecond)]++
	}
	if got := quantile(counts[:], 0.95); got < 84*time.Millisecond || got > 108*time.Millisecond {
		t.Errorf("the 95th percentile of 1 to 100 ms is %v", got)
	}
}

// TestRecentIsTheLastMinute checks that figures are those of the last minute, whenever a method is
// called.
func TestRecentIsTheLastMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		p, start := New(), time.Now()
		m := p.figures.method(p, "/test.v1.Echo/One")
		go p.figures.sample(ctx)
		end := func(n int, err error) {
			for range n {
				m.End(ctx, stubCall{}, runtime.Outcome{Err: err, Duration: time.Millisecond})
			}
		}
		want := func(calls, failed, total uint64, shortest, longest time.Duration) {
			t.Helper()
			r := m.recent(time.Now(), start)
			if sum(r.codes[:]) != calls || sum(r.codes[1:]) != failed || sum(r.durations[:]) != calls ||
				sum(r.total[:]) != total || r.period < shortest || r.period > longest {
				t.Errorf("after %v: %d calls, %d failed, %d in total, in %v", time.Since(start),
					sum(r.codes[:]), sum(r.codes[1:]), sum(r.total[:]), r.period)
			}
		}
		end(3, nil)
		time.Sleep(5 * time.Second)
		want(3, 0, 3, 5*time.Second, 5*time.Second)
		time.Sleep(40 * time.Second)
		end(2, status.Error(codes.NotFound, "no"))
		want(5, 2, 5, 45*time.Second, 45*time.Second)
		time.Sleep(30 * time.Second) // the first calls are older than a minute and a sample
		want(2, 2, 5, window, window+sampleEvery)
		time.Sleep(time.Hour)
		want(0, 0, 5, window, window+sampleEvery)
		end(1, nil)
		time.Sleep(time.Second)
		want(1, 0, 6, window, window+sampleEvery)
		if len(m.samples) > int(window/sampleEvery)+2 {
			t.Errorf("%d samples are kept", len(m.samples))
		}
		cancel()
		synctest.Wait()
	})
}

type stubCall struct{ runtime.Call }

func (stubCall) RequestID() string { return "id" }
func (stubCall) Start() time.Time  { return time.Now() }
