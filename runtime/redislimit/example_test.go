package redislimit_test

import (
	"context"
	"log"

	"github.com/redis/go-redis/v9"

	"github.com/grpcservice/grpcservice/runtime/redislimit"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// Three replicas share the rates of their policies.
func ExampleNew() {
	rdb := redis.NewClient(&redis.Options{Addr: "redis:6379"})
	defer rdb.Close()
	limits, err := redislimit.New(rdb, redislimit.WithReplicas(3))
	if err != nil {
		log.Fatal(err)
	}
	srv := server.New(server.WithRateLimiter(limits))
	// Register services here.
	if err := srv.Run(context.Background(), ":8443"); err != nil {
		log.Fatal(err)
	}
}
