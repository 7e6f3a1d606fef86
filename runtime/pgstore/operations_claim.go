package pgstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/grpcservice/grpcservice/runtime/operation"
)

// claimSQL claims operations that no other claim has locked.
const claimSQL = `
WITH due AS MATERIALIZED (
	SELECT found.name AS due_name, found.due_time AS was_due, found.create_time AS was_created
	FROM unnest($1::text[]) AS wanted(method), LATERAL (
		SELECT name, due_time, create_time FROM {{table}}
		WHERE method = wanted.method AND due_time <= statement_timestamp()
		ORDER BY due_time LIMIT $2 FOR UPDATE SKIP LOCKED
	) AS found
	ORDER BY found.due_time, found.create_time LIMIT $2
)
UPDATE {{table}} SET fence = fence + 1, attempt = attempt + 1, update_time = statement_timestamp(),
	start_time = coalesce(start_time, statement_timestamp()),
	lease_until = statement_timestamp() + (lease / 1000) * interval '1 microsecond',
	due_time = statement_timestamp() + (lease / 1000) * interval '1 microsecond'
FROM due WHERE name = due_name
RETURNING {{columns}}, was_due, was_created`

// Claim implements [operation.Store]. If the connection is lost after the database has committed,
// what was claimed is due again when its lease has expired.
func (o *Operations) Claim(ctx context.Context, methods []string, n int) ([]*operation.Record, error) {
	if n <= 0 || len(methods) == 0 || o.errs != nil {
		return nil, o.errs
	}
	var found []claimed
	err := o.db.do(ctx, func(ctx context.Context, _ bool) error {
		conn, err := o.db.conn(ctx)
		if err != nil {
			return err
		}
		defer conn.Release()
		rows, err := conn.Query(ctx, o.sql.claim, textsOf(methods), n)
		if err != nil {
			return err
		}
		found, err = pgx.CollectRows(rows, scanClaimed)
		return err
	})
	if err != nil || len(found) == 0 {
		return nil, err
	}
	slices.SortFunc(found, func(a, b claimed) int {
		if c := a.due.Compare(b.due); c != 0 {
			return c
		}
		return a.created.Compare(b.created)
	})
	ops := make([]*operation.Record, len(found))
	for i, c := range found {
		ops[i] = c.rec
	}
	o.hints.claimed(ops)
	return ops, nil
}

// claimed is an operation with the time since when it was due.
type claimed struct {
	rec          *operation.Record
	due, created time.Time
}

func scanClaimed(row pgx.CollectableRow) (c claimed, err error) {
	c.rec, err = scanRecord(row, &c.due, &c.created)
	return c, err
}

// renewal is a call of Renew, and renewed its result.
type renewal struct {
	name  string
	fence int64
}

type renewed struct{ held, cancelled bool }

// renewSQL renews many leases. It locks their rows in the order of names, as all do that lock many.
const renewSQL = `
UPDATE {{table}} SET update_time = statement_timestamp(),
	lease_until = statement_timestamp() + (lease / 1000) * interval '1 microsecond',
	due_time = statement_timestamp() + (lease / 1000) * interval '1 microsecond'
FROM unnest($1::text[], $2::bigint[]) AS mine(my_name, my_fence)
WHERE name = my_name AND fence = my_fence AND lease_until IS NOT NULL
RETURNING name, fence, cancel_time IS NOT NULL`

// Renew implements [operation.Store]. Calls that come together share a statement. Where ctx has a
// deadline, a call waits for others for up to a twentieth of its time.
func (o *Operations) Renew(ctx context.Context, name string, fence int64) (cancelled bool, err error) {
	if o.errs != nil {
		return false, o.errs
	}
	result, err := o.renews.do(ctx, renewal{textOf(name), fence})
	if err != nil {
		return false, err
	}
	if !result.held {
		return false, operation.ErrLeaseLost
	}
	return result.cancelled, nil
}

// renewAll renews leases in one statement.
func (o *Operations) renewAll(ctx context.Context, all []renewal) ([]renewed, error) {
	names, fences := make([]string, len(all)), make([]int64, len(all))
	for i, r := range all {
		names[i], fences[i] = r.name, r.fence
	}
	held := make(map[renewal]renewed, len(all))
	err := o.db.do(ctx, func(ctx context.Context, _ bool) error {
		conn, err := o.db.conn(ctx)
		if err != nil {
			return err
		}
		defer conn.Release()
		rows, err := conn.Query(ctx, o.sql.renew, names, fences)
		if err != nil {
			return err
		}
		var r renewal
		var cancelled bool
		_, err = pgx.ForEachRow(rows, []any{&r.name, &r.fence, &cancelled}, func() error {
			held[r] = renewed{true, cancelled}
			return nil
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	results := make([]renewed, len(all))
	for i, r := range all {
		results[i] = held[r]
	}
	return results, nil
}

// saveSQL saves progress, unless one with the number $5 or a higher one is saved. What it was
// before is of the statement's snapshot; the rest is of the row that it has locked.
const saveSQL = `
UPDATE {{table}} AS op SET
	metadata = CASE WHEN saves < $5 THEN coalesce($3::bytea, metadata) ELSE metadata END,
	checkpoint = CASE WHEN saves < $5 THEN coalesce($4::bytea, checkpoint) ELSE checkpoint END,
	update_time = CASE WHEN saves < $5 THEN statement_timestamp() ELSE update_time END,
	saves = greatest(saves, $5)
FROM (SELECT coalesce(octet_length(metadata), 0) + coalesce(octet_length(checkpoint), 0) AS bytes
	FROM {{table}} WHERE name = $1) AS was
WHERE op.name = $1 AND fence = $2 AND lease_until IS NOT NULL
RETURNING cancel_time IS NOT NULL, saves > $5, principal,
	coalesce(octet_length(metadata), 0) + coalesce(octet_length(checkpoint), 0) - was.bytes`

// Save implements [operation.Store].
func (o *Operations) Save(ctx context.Context, name string, fence int64, p operation.Progress) (cancelled bool, err error) {
	if o.errs != nil {
		return false, o.errs
	}
	if p.Number <= 0 {
		return false, fmt.Errorf("pgstore: a save has the number %d; pass one above Record.Saves",
			p.Number)
	}
	size := len(p.Metadata) + len(p.Checkpoint)
	if size > maxPayloadBytes {
		return false, o.full("progress", size)
	}
	exact, err := o.shares.exact(ctx, inPool{o.db}, size)
	if err != nil {
		return false, err
	}
	if !exact {
		err = o.db.do(ctx, func(ctx context.Context, _ bool) error {
			conn, err := o.db.conn(ctx)
			if err != nil {
				return err
			}
			defer conn.Release()
			cancelled, _, _, err = o.save(ctx, conn.Conn(), name, fence, p)
			return err
		})
		if err == nil {
			o.shares.written(size)
		}
		return cancelled, err
	}
	var principal string
	var growth int
	err = o.inTx(ctx, func(ctx context.Context, tx pgx.Tx, _ bool) (err error) {
		cancelled, principal, growth, err = o.save(ctx, tx, name, fence, p)
		if err != nil {
			return err
		}
		if full, err := o.shares.mayGrow(ctx, tx, principal, growth); err != nil {
			return err
		} else if full {
			return o.full("progress", growth)
		}
		return nil
	})
	if err == nil {
		o.shares.add(principal, growth, 0)
	}
	return cancelled, err
}

// rowQueryer is a connection or a transaction.
type rowQueryer interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// save saves progress, and returns the principal of the operation and by how much it has grown.
func (o *Operations) save(
	ctx context.Context, in rowQueryer, name string, fence int64, p operation.Progress,
) (cancelled bool, principal string, growth int, err error) {
	row := in.QueryRow(ctx, o.sql.save, textOf(name), fence, p.Metadata, p.Checkpoint, p.Number)
	superseded := false
	err = row.Scan(&cancelled, &superseded, &principal, &growth)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		err = operation.ErrLeaseLost
	case err == nil && superseded:
		err = operation.ErrSuperseded
	}
	return cancelled, stringOf(principal), growth, err
}

// inTx calls f in a transaction, which it commits if f returns nil. As in [DB.do], f is called
// again after an error that may pass.
func (o *Operations) inTx(ctx context.Context, f func(ctx context.Context, tx pgx.Tx, repeated bool) error) error {
	return o.db.do(ctx, func(ctx context.Context, repeated bool) error {
		conn, err := o.db.conn(ctx)
		if err != nil {
			return err
		}
		defer conn.Release()
		return pgx.BeginTxFunc(ctx, conn.Conn(), pgx.TxOptions{IsoLevel: pgx.ReadCommitted}, func(tx pgx.Tx) error {
			return f(ctx, tx, repeated)
		})
	})
}

// releaseSQL releases an operation. A cancelled one is due at once.
const releaseSQL = `
UPDATE {{table}} SET lease_until = NULL, update_time = statement_timestamp(), attempt = attempt - $4,
	run_after = statement_timestamp() + $3 * interval '1 microsecond',
	due_time = coalesce(cancel_time, statement_timestamp() + $3 * interval '1 microsecond')
WHERE name = $1 AND fence = $2 AND lease_until IS NOT NULL
RETURNING due_time`

// releasedSQL reports whether the last call has released an operation.
const releasedSQL = `
SELECT coalesce((SELECT fence = $2 AND lease_until IS NULL AND due_time IS NOT NULL FROM {{table}} WHERE name = $1), false)`

// Release implements [operation.Store].
func (o *Operations) Release(ctx context.Context, name string, fence int64, again operation.Again) error {
	if o.errs != nil {
		return o.errs
	}
	uncounted := 0
	if again.Uncounted {
		uncounted = 1
	}
	var due pgtype.Timestamptz
	err := o.db.do(ctx, func(ctx context.Context, repeated bool) error {
		conn, err := o.db.conn(ctx)
		if err != nil {
			return err
		}
		defer conn.Release()
		err = conn.QueryRow(ctx, o.sql.release, textOf(name), fence, float64(again.After.Microseconds()), uncounted).Scan(&due)
		if !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		if released := false; repeated {
			if err := conn.QueryRow(ctx, o.sql.released, textOf(name), fence).Scan(&released); err != nil || released {
				return err
			}
		}
		return operation.ErrLeaseLost
	})
	if err == nil && again.After <= 0 {
		o.hints.created(name)
	}
	return err
}
