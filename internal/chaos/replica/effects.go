package replica

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	chaosv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/chaos/v1"
	"github.com/grpcservice/grpcservice/runtime/idempotency"
)

// Tables are the tables of effects. Nothing in them prevents a second effect: a database that
// rejected it would hide what tests look for. Progress has what a user would keep to have each
// effect once: the newest fence of each operation, and its next step.
const Tables = `
	CREATE SCHEMA chaos;
	CREATE TABLE chaos.progress (
		operation text PRIMARY KEY, fence bigint NOT NULL, next bigint NOT NULL
	);
	CREATE TABLE chaos.effects (
		id bigserial PRIMARY KEY, operation text NOT NULL, step bigint NOT NULL,
		fence bigint NOT NULL, writer text NOT NULL
	);
	CREATE TABLE chaos.orders (
		number bigserial PRIMARY KEY, key text NOT NULL, quantity int NOT NULL, writer text NOT NULL
	);
`

// effects writes what operations and orders are for.
type effects struct {
	pool   *pgxpool.Pool
	writer string
	stale  *staleLog
}

// attemptTimeout bounds one transaction: a connection may be cut without a word.
const attemptTimeout = 3 * time.Second

var errStale = errors.New("another worker has the operation")

// step has the effect of a step once, whatever other workers do. It repeats a transaction whose
// outcome is unknown, until ctx ends.
func (e *effects) step(ctx context.Context, operation string, fence, step int64) error {
	for {
		err := e.tryStep(ctx, operation, fence, step)
		if err == nil || errors.Is(err, errStale) {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (e *effects) tryStep(ctx context.Context, operation string, fence, step int64) error {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	return e.inTx(ctx, func(tx pgx.Tx) error {
		const advance = `INSERT INTO chaos.progress VALUES ($1, $2, 0)
			ON CONFLICT (operation) DO UPDATE SET fence = excluded.fence
			WHERE progress.fence <= excluded.fence
			RETURNING next`
		var next int64
		switch err := tx.QueryRow(ctx, advance, operation, fence).Scan(&next); {
		case errors.Is(err, pgx.ErrNoRows):
			return e.stale.refused(operation, fence, "effect", errStale)
		case err != nil:
			return err
		case next > step:
			return nil // an attempt before had this effect, and could not save that
		}
		batch := &pgx.Batch{}
		batch.Queue(`INSERT INTO chaos.effects (operation, step, fence, writer) VALUES ($1, $2, $3, $4)`,
			operation, step, fence, e.writer)
		batch.Queue(`UPDATE chaos.progress SET next = $2 WHERE operation = $1`, operation, step+1)
		return tx.SendBatch(ctx, batch).Close()
	})
}

// inTx runs f in a transaction.
func (e *effects) inTx(ctx context.Context, f func(pgx.Tx) error) error {
	return pgx.BeginFunc(ctx, e.pool, f)
}

// placeOrder places an order, and keeps its answer, in one transaction.
func (e *effects) placeOrder(ctx context.Context, req *chaosv1.OrderRequest) (order *chaosv1.Order,
	err error) {
	err = e.inTx(ctx, func(tx pgx.Tx) error {
		const insert = `INSERT INTO chaos.orders (key, quantity, writer)
			VALUES ($1, $2, $3) RETURNING number`
		order = &chaosv1.Order{Quantity: req.GetQuantity()}
		if err := tx.QueryRow(ctx, insert, req.GetRequestId(), req.GetQuantity(),
			e.writer).Scan(&order.Number); err != nil {
			return err
		}
		return idempotency.Save(ctx, tx, order)
	})
	var fromDatabase *pgconn.PgError
	switch {
	case err == nil:
		return order, nil
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case errors.As(err, &fromDatabase), pgconn.Timeout(err):
		return nil, unavailable(err)
	}
	return nil, err
}
