package pgstore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Beginner begins transactions: a [pgxpool.Pool] or a [pgx.Conn].
//
// [pgxpool.Pool]: https://pkg.go.dev/github.com/jackc/pgx/v5/pgxpool#Pool
type Beginner interface {
	BeginTx(ctx context.Context, options pgx.TxOptions) (pgx.Tx, error)
}

// txAttempts is how often a transaction runs that the database rolls back because of others.
const txAttempts = 10

// InTx returns a function that runs work in a transaction, for batch.WithTx and for methods:
//
//	inTx := pgstore.InTx(pool, pgx.TxOptions{})
//	return shopv1service.UserServiceBatchCreateUsers.Each(ctx, req, s.create, batch.WithTx(inTx))
//
// [Tx] returns the transaction in the context that work gets. The function commits if work returns
// nil, and rolls back if it returns an error or panics. If the database rolls back because of
// another transaction (serialization failure or deadlock), it runs work again, up to 10 times and
// within the deadline, so work must have no effects outside the transaction.
//
// If the connection is lost during the commit, the error is [ErrOutcomeUnknown], and work is not
// run again: a retry by an idempotency key finds out, if work has called idempotency.Save.
//
// In the context of a transaction of the same function, it runs work in that one.
func InTx(
	pool Beginner, options pgx.TxOptions,
) func(ctx context.Context, work func(ctx context.Context) error) error {
	key := &txKey{}
	return func(ctx context.Context, work func(ctx context.Context) error) error {
		if ctx.Value(key) != nil {
			return work(ctx)
		}
		for attempt, pause := 1, firstPause; ; attempt, pause = attempt+1, min(2*pause, longestPause) {
			err := runTx(ctx, pool, options, func(ctx context.Context) error {
				return work(context.WithValue(ctx, key, true))
			})
			if !again(err) || attempt == txAttempts || !sleep(ctx, rand.N(pause)+time.Millisecond) {
				return err
			}
		}
	}
}

// txKey is the key of what a function of [InTx] puts into contexts. It has a size, so that each has
// another address.
type txKey struct{ _ byte }

type currentTx struct{}

// Tx returns the transaction that a function of [InTx] runs with ctx, and nil without one.
func Tx(ctx context.Context) pgx.Tx {
	tx, _ := ctx.Value(currentTx{}).(pgx.Tx)
	return tx
}

// runTx runs work in a transaction once.
func runTx(
	ctx context.Context, pool Beginner, options pgx.TxOptions, work func(context.Context) error,
) error {
	tx, err := pool.BeginTx(ctx, options)
	if err != nil {
		return fmt.Errorf("pgstore: begin: %w", explained(err))
	}
	// After Commit it does nothing. It has no deadline of the caller's, or pgx closes the connection.
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackTimeout)
		defer cancel()
		_ = tx.Rollback(ctx)
	}()
	if err := work(context.WithValue(ctx, currentTx{}, tx)); err != nil {
		return err
	}
	return committed(tx.Commit(ctx))
}

// rollbackTimeout bounds a rollback.
const rollbackTimeout = 5 * time.Second

// committed returns the error of a commit.
func committed(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, pgx.ErrTxCommitRollback):
		return fmt.Errorf("pgstore: the transaction was rolled back, "+
			"because a statement in it had failed; return its error: %w", err)
	case sqlState(err) == "" && !neverSent(err), sqlState(err) != "" && lost(err):
		return fmt.Errorf("pgstore: commit: %w: %w", ErrOutcomeUnknown, err)
	}
	return fmt.Errorf("pgstore: commit: %w", explained(err))
}

// inTx runs f in a READ COMMITTED transaction on a connection of the pool.
func (db *DB) inTx(ctx context.Context, f func(pgx.Tx) error) error {
	return db.with(ctx, func(conn *pgxpool.Conn) error {
		return pgx.BeginTxFunc(ctx, conn, pgx.TxOptions{IsoLevel: pgx.ReadCommitted}, f)
	})
}
