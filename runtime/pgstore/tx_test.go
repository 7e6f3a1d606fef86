package pgstore_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/grpcservice/grpcservice/runtime/pgstore"
)

// counters creates a table with two counters, and returns what increments one of them.
func counters(t *testing.T, pool pgstore.Beginner) (table string, increment func(context.Context, int) error) {
	table = effects(t, pool)
	inTx := pgstore.InTx(pool, pgx.TxOptions{})
	must(t, inTx(t.Context(), func(ctx context.Context) error {
		_, err := pgstore.Tx(ctx).Exec(ctx, `ALTER TABLE `+table+` ADD n int; INSERT INTO `+table+` VALUES ('0', 0), ('1', 0)`)
		return err
	}))
	return table, func(ctx context.Context, i int) error {
		_, err := pgstore.Tx(ctx).Exec(ctx, `UPDATE `+table+` SET n = n + 1 WHERE key = $1::int::text`, i)
		return err
	}
}

// TestInTxAfterADeadlock has two transactions wait for each other: the one that the database rolls
// back runs again.
func TestInTxAfterADeadlock(t *testing.T) {
	pool := newPool(t, url(t), "deadlock_timeout=10ms")
	table, increment := counters(t, pool)
	inTx := pgstore.InTx(pool, pgx.TxOptions{})
	var first sync.WaitGroup // until both have a lock
	first.Add(2)
	var runs atomic.Int64
	var both sync.WaitGroup
	for i := range 2 {
		both.Go(func() {
			arrive := sync.OnceFunc(first.Done)
			defer arrive() // the other one must not wait if this one fails
			meet := sync.OnceFunc(func() { arrive(); first.Wait() })
			if err := inTx(t.Context(), func(ctx context.Context) error {
				runs.Add(1)
				if err := increment(ctx, i); err != nil {
					return err
				}
				meet()
				return increment(ctx, 1-i)
			}); err != nil {
				t.Error(err)
			}
		})
	}
	both.Wait()
	var sum int
	must(t, pool.QueryRow(t.Context(), `SELECT sum(n) FROM `+table).Scan(&sum))
	if sum != 4 || runs.Load() < 3 {
		t.Errorf("the counters are %d after %d runs, want 4 after at least 3", sum, runs.Load())
	}
}

// TestInTxAfterASerializationFailure has transactions read what another one changes.
func TestInTxAfterASerializationFailure(t *testing.T) {
	pool := newPool(t, url(t))
	table, _ := counters(t, pool)
	inTx := pgstore.InTx(pool, pgx.TxOptions{IsoLevel: pgx.Serializable})
	var all sync.WaitGroup
	const writers = 3
	for range writers {
		all.Go(func() {
			if err := inTx(t.Context(), func(ctx context.Context) error {
				var n int
				tx := pgstore.Tx(ctx)
				if err := tx.QueryRow(ctx, `SELECT sum(n) FROM `+table).Scan(&n); err != nil {
					return err
				}
				_, err := tx.Exec(ctx, `UPDATE `+table+` SET n = $1 WHERE key = '0'`, n+1)
				return err
			}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	var sum int
	must(t, pool.QueryRow(t.Context(), `SELECT sum(n) FROM `+table).Scan(&sum))
	if sum != writers {
		t.Errorf("the counter is %d, want %d", sum, writers)
	}
}

func TestInTxRollsBack(t *testing.T) {
	pool := newPool(t, url(t))
	table, increment := counters(t, pool)
	inTx := pgstore.InTx(pool, pgx.TxOptions{})
	failed := errors.New("no")
	canceled, cancel := context.WithCancel(t.Context())
	for name, work := range map[string]func(context.Context) error{
		"an error": func(context.Context) error { return failed },
		"a panic":  func(context.Context) error { panic(failed) },
		"a cancellation": func(context.Context) error {
			cancel()
			return canceled.Err()
		},
		"a statement that failed before": func(ctx context.Context) error {
			_, _ = pgstore.Tx(ctx).Exec(ctx, `SELECT 1/0`)
			return nil
		},
	} {
		func() {
			defer func() { _ = recover() }()
			if err := inTx(t.Context(), func(ctx context.Context) error {
				must(t, increment(ctx, 0))
				return work(ctx)
			}); err == nil || errors.Is(err, pgstore.ErrOutcomeUnknown) {
				t.Errorf("%s: the transaction returned %v", name, err)
			}
		}()
	}
	var sum int
	must(t, pool.QueryRow(t.Context(), `SELECT sum(n) FROM `+table).Scan(&sum))
	if sum != 0 || pool.Stat().AcquiredConns() != 0 {
		t.Errorf("the counter is %d, and %d connections are not released", sum, pool.Stat().AcquiredConns())
	}
	if tx := pgstore.Tx(t.Context()); tx != nil {
		t.Errorf("there is a transaction outside of one: %v", tx)
	}
}

// TestInTxInItself checks that work that runs work does so in one transaction, which needs no
// further connection.
func TestInTxInItself(t *testing.T) {
	pool := newPool(t, url(t), "pool_max_conns=1")
	_, increment := counters(t, pool)
	inTx := pgstore.InTx(pool, pgx.TxOptions{})
	must(t, inTx(t.Context(), func(outer context.Context) error {
		return inTx(outer, func(inner context.Context) error {
			if pgstore.Tx(inner) != pgstore.Tx(outer) {
				t.Error("the inner transaction is another one")
			}
			return increment(inner, 0)
		})
	}))
}
