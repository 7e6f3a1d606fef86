package redisidem

import (
	"fmt"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/grpcservice/grpcservice/runtime/idempotency"
	"github.com/grpcservice/grpcservice/runtime/idempotency/storetest"
	"github.com/grpcservice/grpcservice/runtime/redislimit/internal/redistest"
)

// TestSuite runs the conformance tests with one Redis and with a cluster.
func TestSuite(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(t *testing.T) redis.Scripter{
		"one server": func(t *testing.T) redis.Scripter { return redistest.Start(t).Client() },
		"cluster": func(t *testing.T) redis.Scripter {
			client, _ := redistest.StartCluster(t, 3)
			return client
		},
	} {
		t.Run(name, func(t *testing.T) {
			client := start(t)
			storetest.Run(t, func(t *testing.T) idempotency.Store { return newStore(t, client) })
			n := 0
			storetest.RunShared(t, func(t *testing.T, maxBytes int) idempotency.Store {
				n++
				return newStore(t, client, WithNamespace(fmt.Sprintf("shared%d", n)), WithMaxBytes(maxBytes))
			})
		})
	}
}
