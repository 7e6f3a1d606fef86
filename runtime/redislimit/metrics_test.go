package redislimit

import (
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/grpcservice/grpcservice/runtime/internal/metrictest"
)

func TestMetrics(t *testing.T) {
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"})
	defer client.Close()
	l, err := New(client, WithName("calls"))
	if err != nil {
		t.Fatal(err)
	}
	metrictest.Documented(t, "../../docs/rate-limits.md", l)
	for i, count := range []interface{ Add(uint64) uint64 }{
		&l.counts.shared, &l.counts.remembered, &l.counts.local, &l.counts.failures, &l.counts.outages,
	} {
		count.Add(uint64(i) + 1)
	}
	l.counts.away.Add(1)
	metrictest.Want(t, l, map[string]float64{
		`grpcservice_redislimit_calls_total{name="calls",result="redis"}`:      1,
		`grpcservice_redislimit_calls_total{name="calls",result="remembered"}`: 2,
		`grpcservice_redislimit_calls_total{name="calls",result="local"}`:      3,
		`grpcservice_redislimit_failures_total{name="calls"}`:                  4,
		`grpcservice_redislimit_outages_total{name="calls"}`:                   5,
		`grpcservice_redislimit_away{name="calls"}`:                            1,
	})
}
