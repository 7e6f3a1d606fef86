// Package redislimit enforces the rates of policies across all replicas of a service, in Redis.
//
//	limits, err := redislimit.New(redis.NewClient(&redis.Options{Addr: "redis:6379"}), redislimit.WithReplicas(3))
//	...
//	srv := server.New(server.WithRateLimiter(limits))
//
// All rates of a step of the pipeline take one round trip: a script reads and writes the buckets
// of a call, by the clock of Redis and in whole numbers. A call counts for all of its rates or for
// none. Rates with KEY_PEER are a separate step, before authentication, so a method that has
// them and others takes two round trips.
//
// A call waits for Redis for a few milliseconds at most ([WithTimeout]). While Redis is away, each
// replica allows its share of every rate ([WithReplicas]), and calls do not wait at all. One
// request at a time probes whether Redis is back. The limiter logs when Redis goes away and when
// it is back, and counts both in [Limiter.Stats].
//
// Redis sees hashes of principals and addresses ([WithSecret]). Keys expire when their bucket is
// full. docs/rate-limits.md has the details.
//
// The package is a separate module because it depends on go-redis. It needs Redis 5 or later, or a
// server that is compatible with it, such as Valkey.
package redislimit
