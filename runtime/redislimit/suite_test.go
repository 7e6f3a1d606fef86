package redislimit

import (
	"fmt"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/grpcservice/grpcservice/runtime/redislimit/internal/redistest"
	"github.com/grpcservice/grpcservice/runtime/server"
	"github.com/grpcservice/grpcservice/runtime/server/limittest"
)

// TestSuite runs the conformance tests with a Redis, a cluster, and without Redis.
func TestSuite(t *testing.T) {
	t.Parallel()
	for name, client := range map[string]func(t *testing.T) (redis.Scripter, []Option){
		"one server": func(t *testing.T) (redis.Scripter, []Option) {
			return redistest.Start(t).Client(), []Option{WithTimeout(generous)}
		},
		"cluster": func(t *testing.T) (redis.Scripter, []Option) {
			client, _ := redistest.StartCluster(t, 3)
			return client, []Option{WithTimeout(generous)}
		},
		"no server": func(t *testing.T) (redis.Scripter, []Option) {
			client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"})
			t.Cleanup(func() { client.Close() })
			return client, []Option{WithReplicas(1)}
		},
	} {
		t.Run(name, func(t *testing.T) {
			rdb, opts := client(t)
			n := 0
			limittest.Run(t, func(t *testing.T) server.RateLimiter {
				n++
				l, _ := newLimiter(t, rdb, append(opts, WithNamespace(fmt.Sprintf("suite%d", n)))...)
				return l
			})
		})
	}
}
