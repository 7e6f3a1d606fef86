// Package redisidem keeps the responses of calls with idempotency keys in Redis, for services that
// have several replicas and no database for them:
//
//	store, err := redisidem.New(redis.NewClient(&redis.Options{Addr: "redis:6379"}))
//	...
//	srv := server.New(server.WithIdempotency(idempotency.New(store)))
//
// A [Store] implements [idempotency.Store] with one script for each method. All replicas with the
// same namespace ([WithNamespace]) share a store. It holds 64 MiB, or [WithMaxBytes], which
// principals share as idempotency.Store requires.
//
// While Redis is away, or has not replied in a second ([WithTimeout]), calls with a key are
// rejected with UNAVAILABLE, reason IDEMPOTENCY_UNAVAILABLE.
//
// # What it promises
//
// While a Redis server keeps what it has acknowledged, a call with a key runs once, and retries
// receive its response. But Redis replicates, and by default also writes to disk, after it has
// replied: a failover or a crash can lose the last claims and responses. A retry of such a call
// runs again. The next renewal restores the claim of a call that still runs. There is no
// transaction with the effect of the call: a process that is killed between the effect and its
// response leaves the effect without a response, and [idempotency.Save] is not supported. For
// effects in a database, keep the responses there. docs/idempotency.md has the settings of Redis.
//
// Redis sees hashes of principals and keys ([WithSecret]), and the responses as they are.
//
// The package needs Redis 5 or later, or a server that is compatible with it, such as Valkey. In a
// cluster, a store is on one node.
package redisidem
