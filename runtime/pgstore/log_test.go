package pgstore_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/grpcservice/grpcservice/runtime/eventlog"
	"github.com/grpcservice/grpcservice/runtime/eventlog/storetest"
	"github.com/grpcservice/grpcservice/runtime/pgstore"
)

func TestLog(t *testing.T) {
	pool := newPool(t, url(t))
	storetest.Run(t, func(t *testing.T) eventlog.Store {
		return open(t, pool, newSchema(t, pool)).Log("events")
	})
}

func TestLogInTx(t *testing.T) {
	pool := newPool(t, url(t), "pool_max_conns=20")
	storetest.RunTx(t, func(t *testing.T) (eventlog.TxStore, func(*testing.T) storetest.Tx) {
		return open(t, pool, newSchema(t, pool)).Log("events"), func(t *testing.T) storetest.Tx {
			tx, err := pool.Begin(t.Context())
			must(t, err)
			return storetest.Tx{
				Value:    tx,
				Commit:   func() error { return tx.Commit(t.Context()) },
				Rollback: func() error { return tx.Rollback(t.Context()) },
			}
		}
	})
}

// alternatingLog is the log of several replicas: each call is one of the next.
type alternatingLog struct {
	replicas []*pgstore.Log
	calls    atomic.Int64
}

func (a *alternatingLog) next() *pgstore.Log {
	return a.replicas[int(a.calls.Add(1))%len(a.replicas)]
}

func (a *alternatingLog) Append(ctx context.Context, data ...[]byte) (eventlog.Position, error) {
	return a.next().Append(ctx, data...)
}

func (a *alternatingLog) Read(
	ctx context.Context, after eventlog.Position, limit eventlog.Limit,
) (eventlog.Batch, error) {
	return a.next().Read(ctx, after, limit)
}

func (a *alternatingLog) Bounds(ctx context.Context) (eventlog.Bounds, error) {
	return a.next().Bounds(ctx)
}

func (a *alternatingLog) Seek(ctx context.Context, t time.Time) (eventlog.Position, error) {
	return a.next().Seek(ctx, t)
}

func (a *alternatingLog) Trim(ctx context.Context, p eventlog.Position) error {
	return a.next().Trim(ctx, p)
}

func (a *alternatingLog) Watch() <-chan struct{} { return a.next().Watch() }

func (a *alternatingLog) Size(ctx context.Context) (int64, error) { return a.next().Size(ctx) }

func TestLogOfReplicas(t *testing.T) {
	pool := newPool(t, url(t))
	storetest.Run(t, func(t *testing.T) eventlog.Store {
		schema := newSchema(t, pool)
		a := &alternatingLog{}
		for range 2 {
			own := newPool(t, url(t), "pool_max_conns=5")
			a.replicas = append(a.replicas, open(t, own, schema).Log("events"))
		}
		return a
	})
}
