package limit_test

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/grpcservice/grpcservice/runtime/limit"
)

func BenchmarkRate(b *testing.B) {
	r, now := limit.NewRate(1e9, 1e9), time.Now()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			r.Take(now)
		}
	})
}

// BenchmarkKeyedRate takes with one key, with as many as fit, and with more than fit, of which
// either none or some can be forgotten.
func BenchmarkKeyedRate(b *testing.B) {
	keys := make([]string, 1<<18)
	for i := range keys {
		keys[i] = "principal-" + strconv.Itoa(i)
	}
	for _, bench := range []struct {
		name      string
		keys      int
		perSecond float64
		step      time.Duration // simulated time between calls
	}{{"one", 1, 1e9, 0}, {"many", 1 << 15, 1e9, 0}, {"overflow", 1 << 18, 1e-3, 0}, {"churn", 1 << 18, 1e5, 150}} {
		b.Run(bench.name, func(b *testing.B) {
			k, now := limit.NewKeyedRate(bench.perSecond, 1e6, 0), time.Now()
			for i := range bench.keys {
				k.Take(keys[i], now)
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				k.Take(keys[i%bench.keys], now)
				now = now.Add(bench.step)
			}
		})
	}
}

func BenchmarkConcurrency(b *testing.B) {
	for name, c := range map[string]*limit.Concurrency{
		"fixed": limit.NewConcurrency(1000, 0), "adaptive": limit.NewAdaptive(1000, 0),
	} {
		b.Run(name, func(b *testing.B) {
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if acquire(context.Background(), c) {
						c.Release(time.Millisecond, true)
					}
				}
			})
		})
	}
}
