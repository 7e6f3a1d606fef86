package main

import (
	"fmt"

	"github.com/redis/go-redis/v9"

	"github.com/grpcservice/grpcservice/runtime/redislimit"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// sharedRates returns the option that counts calls in Redis, if the environment names a server.
func sharedRates(getenv func(string) string) ([]server.Option, func(), error) {
	addr := getenv(redisVariable)
	if addr == "" {
		return nil, func() {}, nil
	}
	var replicas int
	if _, err := fmt.Sscan(getenv(replicasVariable), &replicas); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", replicasVariable, err)
	}
	rdb := redis.NewClient(&redis.Options{Addr: addr})
	limiter, err := redislimit.New(rdb, redislimit.WithReplicas(replicas))
	if err != nil {
		return nil, nil, err
	}
	return []server.Option{server.WithRateLimiter(limiter)}, func() { _ = rdb.Close() }, nil
}
