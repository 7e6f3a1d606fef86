package pgstore_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/grpcservice/grpcservice/runtime/idempotency"
	"github.com/grpcservice/grpcservice/runtime/idempotency/storetest"
	"github.com/grpcservice/grpcservice/runtime/pgstore"
)

// storesOf returns new stores in a pool.
func storesOf(pool *pgxpool.Pool) func(*testing.T) idempotency.Store {
	return func(t *testing.T) idempotency.Store { return open(t, pool, newSchema(t, pool)).Idempotency() }
}

// txStoresOf returns new stores in a pool, and what begins transactions.
func txStoresOf(pool *pgxpool.Pool) func(*testing.T) (idempotency.TxStore, func(*testing.T) storetest.Tx) {
	return func(t *testing.T) (idempotency.TxStore, func(*testing.T) storetest.Tx) {
		return open(t, pool, newSchema(t, pool)).Idempotency(), func(t *testing.T) storetest.Tx {
			tx, err := pool.Begin(t.Context())
			must(t, err)
			return storetest.Tx{
				Value:    tx,
				Commit:   func() error { return tx.Commit(t.Context()) },
				Rollback: func() error { return tx.Rollback(t.Context()) },
			}
		}
	}
}

func TestIdempotency(t *testing.T) { storetest.Run(t, storesOf(newPool(t, url(t)))) }

func TestIdempotencyInTx(t *testing.T) { storetest.RunTx(t, txStoresOf(newPool(t, url(t)))) }

// TestIdempotencyWithStricterIsolation checks that conflicts, which such a database reports instead
// of solving them, are retried.
func TestIdempotencyWithStricterIsolation(t *testing.T) {
	const isolation = "default_transaction_isolation="
	t.Run("repeatable read", func(t *testing.T) {
		pool := newPool(t, url(t), isolation+"repeatable%20read")
		storetest.Run(t, storesOf(pool))
		storetest.RunTx(t, txStoresOf(pool))
	})
	t.Run("serializable", func(t *testing.T) {
		storetest.Run(t, storesOf(newPool(t, url(t), isolation+"serializable")))
	})
}

func TestIdempotencyIsShared(t *testing.T) {
	pool := newPool(t, url(t))
	storetest.RunShared(t, func(t *testing.T, maxBytes int) idempotency.Store {
		return open(t, pool, newSchema(t, pool)).Idempotency(pgstore.WithIdempotencyMaxBytes(maxBytes))
	})
}

// alternating is the store of several replicas: each call is one of the next.
type alternating struct {
	replicas []idempotency.Store
	calls    atomic.Int64
}

func (a *alternating) next() idempotency.Store {
	return a.replicas[int(a.calls.Add(1))%len(a.replicas)]
}

func (a *alternating) Begin(ctx context.Context, c idempotency.Claim) (idempotency.Entry, error) {
	return a.next().Begin(ctx, c)
}

func (a *alternating) Renew(ctx context.Context, k idempotency.Key, f idempotency.Fence, d time.Duration) error {
	return a.next().Renew(ctx, k, f, d)
}

func (a *alternating) Finish(
	ctx context.Context, k idempotency.Key, f idempotency.Fence, response []byte, d time.Duration,
) error {
	return a.next().Finish(ctx, k, f, response, d)
}

func (a *alternating) Release(ctx context.Context, k idempotency.Key, f idempotency.Fence) error {
	return a.next().Release(ctx, k, f)
}

func TestIdempotencyOfReplicas(t *testing.T) {
	pool := newPool(t, url(t))
	storetest.Run(t, func(t *testing.T) idempotency.Store {
		schema := newSchema(t, pool)
		a := &alternating{}
		for range 2 {
			own := newPool(t, url(t), "pool_max_conns=5")
			a.replicas = append(a.replicas, open(t, own, schema).Idempotency())
		}
		return a
	})
}
