package redislimit

import (
	"context"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/redislimit/internal/redistest"
)

// benchRates are the rates of benchmarks: both kinds, which allow every call.
var benchRates = []runtime.Rate{{PerSecond: 1e9, Burst: 1e6, Key: runtime.ByPrincipal}, {PerSecond: 1e9, Burst: 1e6}}

// BenchmarkTake compares calls that Redis decides with a PING, with calls that it has just
// rejected, and with calls while it is away.
func BenchmarkTake(b *testing.B) {
	ctx := context.Background()
	b.Run("PING", func(b *testing.B) {
		client := redistest.Start(b).Client()
		b.ReportAllocs()
		for b.Loop() {
			client.Ping(ctx)
		}
	})
	b.Run("shared", func(b *testing.B) {
		l, _ := newLimiter(b, redistest.Start(b).Client(), WithTimeout(generous))
		r := bind(l, "M", benchRates...)
		b.ReportAllocs()
		for b.Loop() {
			r.Take(ctx, "ada")
		}
	})
	b.Run("shared, parallel", func(b *testing.B) {
		l, _ := newLimiter(b, redistest.Start(b).Client(), WithTimeout(generous))
		r := bind(l, "M", benchRates...)
		b.SetParallelism(16)
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				r.Take(ctx, "ada")
			}
		})
	})
	b.Run("rejected again", func(b *testing.B) {
		l, _ := newLimiter(b, redistest.Start(b).Client(), WithTimeout(generous))
		r := bind(l, "M", runtime.Rate{PerSecond: slow, Burst: 1, Key: runtime.ByPrincipal})
		b.ReportAllocs()
		for b.Loop() {
			r.Take(ctx, "ada")
		}
	})
	b.Run("away", func(b *testing.B) {
		client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"})
		defer client.Close()
		l, _ := newLimiter(b, client)
		r := bind(l, "M", benchRates...)
		b.ReportAllocs()
		for b.Loop() {
			r.Take(ctx, "ada")
		}
	})
}
