package pgstore_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/grpcservice/grpcservice/runtime/operation"
	"github.com/grpcservice/grpcservice/runtime/pgstore"
)

// newOperations returns an empty store on the shared server, and its pool.
func newOperations(tb testing.TB) (*pgstore.Operations, *pgxpool.Pool) {
	tb.Helper()
	pool := newPool(tb, url(tb), "pool_max_conns=20")
	return open(tb, pool, newSchema(tb, pool)).Operations(), pool
}

func beginTx(tb testing.TB, pool *pgxpool.Pool, options pgx.TxOptions) pgx.Tx {
	tb.Helper()
	tx, err := pool.BeginTx(context.Background(), options)
	must(tb, err)
	tb.Cleanup(func() { tx.Rollback(context.Background()) })
	return tx
}

// idle fails the test if an operation is due.
func idle(tb testing.TB, ops *pgstore.Operations) {
	tb.Helper()
	claimed, err := ops.Claim(context.Background(), []string{method}, 10)
	must(tb, err)
	if len(claimed) > 0 {
		tb.Fatalf("%s is due, want nothing", claimed[0].Name)
	}
}

func TestCreateTxCommitted(t *testing.T) {
	ops, pool := newOperations(t)
	ctx := t.Context()
	tx := beginTx(t, pool, pgx.TxOptions{})
	stored, created, err := ops.CreateTx(ctx, tx, newRecord(), false)
	must(t, err)
	if !created {
		t.Fatalf("%s was found, want it created", stored.Name)
	}
	idle(t, ops)
	if _, err := ops.Get(ctx, stored.Name); !errors.Is(err, operation.ErrNotFound) {
		t.Errorf("before the commit, Get returned %v", err)
	}
	due := ops.Due()
	must(t, tx.Commit(ctx))
	within(t, due)
	if r := claim(t, ops); r.Name != stored.Name || !r.CreateTime.Equal(stored.CreateTime) {
		t.Errorf("claimed %+v, want %+v", r, stored)
	}
}

func TestCreateTxRolledBack(t *testing.T) {
	ops, pool := newOperations(t)
	ctx := t.Context()
	tx := beginTx(t, pool, pgx.TxOptions{})
	_, _, err := ops.CreateTx(ctx, tx, newRecord(requested("id"), conflicting("key")), false)
	must(t, err)
	must(t, tx.Rollback(ctx))
	idle(t, ops)
	create(t, ops, newRecord(requested("id"), conflicting("key")))
}

// TestCreateTxKeys checks that keys count inside the transaction, and that others wait for it.
func TestCreateTxKeys(t *testing.T) {
	ops, pool := newOperations(t)
	ctx := t.Context()
	tx := beginTx(t, pool, pgx.TxOptions{})
	first, _, err := ops.CreateTx(ctx, tx, newRecord(requested("id"), conflicting("key")), false)
	must(t, err)
	again, created, err := ops.CreateTx(ctx, tx, newRecord(requested("id")), false)
	must(t, err)
	if created || again.Name != first.Name {
		t.Errorf("a repeat in the transaction returned %s, %v", again.Name, created)
	}
	_, _, err = ops.CreateTx(ctx, tx, newRecord(conflicting("key")), false)
	if conflict := (*operation.ConflictError)(nil); !errors.As(err, &conflict) || conflict.Other.Name != first.Name {
		t.Errorf("a conflict in the transaction returned %v", err)
	}
	_, created, err = ops.CreateTx(ctx, tx, newRecord(conflicting("key")), true)
	must(t, err)
	if !created {
		t.Error("an operation that waits for another was not created")
	}
	others := make(chan error, 2)
	for _, r := range []*operation.Record{newRecord(requested("id")), newRecord(conflicting("key"))} {
		go func() {
			stored, created, err := ops.Create(ctx, r, false)
			if conflict := (*operation.ConflictError)(nil); errors.As(err, &conflict) {
				stored, err = conflict.Other, nil
			}
			if err == nil && (created || stored.Name != first.Name) {
				err = errors.New("found " + stored.Name)
			}
			others <- err
		}()
	}
	must(t, tx.Commit(ctx))
	must(t, within(t, others))
	must(t, within(t, others))
}

func TestCreateTxOfAnother(t *testing.T) {
	ops, _ := newOperations(t)
	if _, _, err := ops.CreateTx(t.Context(), "tx", newRecord(), false); !errors.Is(err, operation.ErrNoTx) {
		t.Errorf("CreateTx with a string returned %v", err)
	}
}

// TestCreateTxIsolation checks that a transaction that sees one snapshot starts no operation that
// depends on what others have.
func TestCreateTxIsolation(t *testing.T) {
	ops, pool := newOperations(t)
	ctx := t.Context()
	tx := beginTx(t, pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead})
	if _, _, err := ops.CreateTx(ctx, tx, newRecord(conflicting("key")), true); err == nil {
		t.Error("there is no error for a conflict key in REPEATABLE READ")
	}
	_, _, err := ops.CreateTx(ctx, tx, newRecord(), false)
	must(t, err)
	must(t, tx.Commit(ctx))
	claim(t, ops)
}

// TestCreateTxDeadlock checks that two transactions that wait for each other's keys get an error of
// the database, and that the other continues.
func TestCreateTxDeadlock(t *testing.T) {
	ops, pool := newOperations(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	one, two := beginTx(t, pool, pgx.TxOptions{}), beginTx(t, pool, pgx.TxOptions{})
	_, _, err := ops.CreateTx(ctx, one, newRecord(conflicting("a")), false)
	must(t, err)
	_, _, err = ops.CreateTx(ctx, two, newRecord(conflicting("b")), false)
	must(t, err)
	errs := make(chan error, 2)
	for _, step := range []struct {
		tx  pgx.Tx
		key string
	}{{one, "b"}, {two, "a"}} {
		go func() {
			_, _, err := ops.CreateTx(ctx, step.tx, newRecord(conflicting(step.key)), true)
			if err != nil {
				step.tx.Rollback(ctx)
			}
			errs <- err
		}()
	}
	first, second := within(t, errs), within(t, errs)
	if (first == nil) == (second == nil) {
		t.Errorf("the transactions got %v and %v, want one error", first, second)
	}
}

// TestFullStoreWithOneConnection uses a store that is full while a transaction has the only
// connection of the pool: no call waits for another one.
func TestFullStoreWithOneConnection(t *testing.T) {
	pool := newPool(t, url(t), "pool_max_conns=1")
	db := open(t, pool, newSchema(t, pool))
	const limit = 1 << 20
	large := func(r *operation.Record) { r.Request = make([]byte, limit/16) }
	ops := db.Operations(pgstore.WithMaxBytes(limit))
	known := create(t, ops, newRecord(requested("known")))
	running := claim(t, ops)
	for full := false; !full; {
		_, _, err := ops.Create(t.Context(), newRecord(large), false)
		if full = errors.Is(err, operation.ErrFull); !full {
			must(t, err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	ops = db.Operations(pgstore.WithMaxBytes(limit)) // which has not counted yet
	tx := beginTx(t, pool, pgx.TxOptions{})
	for full := false; !full; { // the count may take longer than a call waits for it
		_, _, err := ops.CreateTx(ctx, tx, newRecord(large), false)
		if full = errors.Is(err, operation.ErrFull); !full {
			must(t, err)
		}
	}
	stored, created, err := ops.CreateTx(ctx, tx, newRecord(large, requested("known")), false)
	if err != nil || created || stored.Name != known.Name {
		t.Errorf("CreateTx with a known key returned %v, %v, %v, want the operation of the key", stored, created, err)
	}
	must(t, tx.Rollback(ctx))

	for full, number := false, int64(1); !full; number++ {
		progress := operation.Progress{Checkpoint: make([]byte, limit), Number: number}
		_, err := ops.Save(ctx, running.Name, running.Fence, progress)
		if full = errors.Is(err, operation.ErrFull); !full {
			must(t, err)
		}
	}
	for full := false; !full; {
		err := ops.Finish(ctx, running.Name, running.Fence, operation.Result{Response: make([]byte, limit)})
		if full = errors.Is(err, operation.ErrFull); !full {
			must(t, err)
		}
	}
}
