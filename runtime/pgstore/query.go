package pgstore

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// with calls f with a connection of the pool.
func (db *DB) with(ctx context.Context, f func(*pgxpool.Conn) error) error {
	conn, err := db.conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	return f(conn)
}

// exec executes a statement on a connection of the pool.
func (db *DB) exec(
	ctx context.Context, sql string, args ...any,
) (tag pgconn.CommandTag, err error) {
	err = db.with(ctx, func(conn *pgxpool.Conn) (err error) {
		tag, err = conn.Exec(ctx, sql, args...)
		return err
	})
	return tag, err
}

// send sends a batch on a connection of the pool.
func (db *DB) send(ctx context.Context, batch *pgx.Batch) error {
	return db.with(ctx, func(conn *pgxpool.Conn) error { return conn.SendBatch(ctx, batch).Close() })
}

// QueryRow returns a row that takes a connection of the pool when it is scanned.
func (p inPool) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	return laterRow{p, ctx, sql, args}
}

// inPool queries on connections of the pool.
type inPool struct{ *DB }

type laterRow struct {
	pool inPool
	ctx  context.Context
	sql  string
	args []any
}

// Scan implements [pgx.Row].
func (r laterRow) Scan(to ...any) error {
	return r.pool.with(r.ctx, func(conn *pgxpool.Conn) error {
		return conn.QueryRow(r.ctx, r.sql, r.args...).Scan(to...)
	})
}

// rows returns the rows of a query.
func rows[T any](
	ctx context.Context, db *DB, scan pgx.RowToFunc[T], sql string, args ...any,
) (all []T, err error) {
	err = db.with(ctx, func(conn *pgxpool.Conn) error {
		rows, err := conn.Query(ctx, sql, args...)
		if err != nil {
			return err
		}
		all, err = pgx.CollectRows(rows, scan)
		return err
	})
	return all, err
}
