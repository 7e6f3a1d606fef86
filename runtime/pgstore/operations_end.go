package pgstore

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/grpcservice/grpcservice/runtime/operation"
)

// endSet are the columns of an operation that ends with the response $3, the status $4 and the
// metadata $5.
const endSet = `
	response = $3::bytea, status = $4::bytea, metadata = coalesce($5::bytea, metadata), request = NULL, checkpoint = NULL,
	done_time = statement_timestamp(), update_time = statement_timestamp(), lease_until = NULL, due_time = NULL, front = false,
	expire_time = CASE WHEN retain < 0 THEN 'infinity'
		ELSE statement_timestamp() + (retain / 1000) * interval '1 microsecond' END,
	kept_bytes = fixed_bytes + coalesce(octet_length($3::bytea), 0) + coalesce(octet_length($4::bytea), 0) +
		coalesce(octet_length(coalesce($5::bytea, metadata)), 0)`

const finishSQL = `UPDATE {{table}} SET` + endSet + `
WHERE name = $1 AND fence = $2 AND lease_until IS NOT NULL`

// finishSimple leaves an operation that others wait for, or that was deleted, to a transaction.
const finishSimple = ` AND conflict_hash IS NULL AND delete_time IS NULL`

const finishReturning = ` RETURNING principal, kept_bytes`

// lockOfSQL locks the conflict key of an operation until the end of the transaction.
const lockOfSQL = `
SELECT pg_advisory_xact_lock(('x' || encode(substr(conflict_hash, 1, 8), 'hex'))::bit(64)::bigint)
FROM {{table}} WHERE name = $1 AND conflict_hash IS NOT NULL`

// lockRowSQL locks an operation, and returns its principal and what it counts for.
const lockRowSQL = `
SELECT principal, fixed_bytes + coalesce(octet_length(request), 0) + coalesce(octet_length(metadata), 0) +
	coalesce(octet_length(checkpoint), 0)
FROM {{table}} WHERE name = $1 FOR UPDATE`

// promoteSQL gives the conflict key of an operation to the next one that waits for it.
const promoteSQL = `
UPDATE {{table}} SET front = true, due_time = run_after
WHERE NOT front AND name = (
	SELECT name FROM {{table}}
	WHERE conflict_hash = (SELECT conflict_hash FROM {{table}} WHERE name = $1) AND conflict_hash IS NOT NULL AND due_time IS NOT NULL
	ORDER BY create_time LIMIT 1)
RETURNING name`

// removeDeletedSQL removes an operation that was deleted, if it is done.
const removeDeletedSQL = `
DELETE FROM {{table}} WHERE name = $1 AND done_time IS NOT NULL AND delete_time IS NOT NULL`

// sameResultSQL reports whether an operation has ended as the holder of a fence wants it to end.
const sameResultSQL = `
SELECT done_time IS NOT NULL AND fence = $2 AND response IS NOT DISTINCT FROM $3::bytea AND
	status IS NOT DISTINCT FROM $4::bytea
FROM {{table}} WHERE name = $1`

// Finish implements [operation.Store]. Repeated with the same result, it returns nil: the first
// call may have been interrupted after the commit.
func (o *Operations) Finish(ctx context.Context, name string, fence int64, r operation.Result) error {
	if o.errs != nil {
		return o.errs
	}
	size := len(r.Response) + len(r.Status) + len(r.Metadata)
	if size > maxPayloadBytes {
		return o.full("a result", size)
	}
	exact, err := o.shares.exact(ctx, inPool{o.db}, size)
	if err != nil {
		return err
	}
	var next string
	if exact {
		next, err = o.finishCounted(ctx, name, fence, r)
	} else {
		next, err = o.finishSimply(ctx, name, fence, r)
		o.shares.written(size)
	}
	if err != nil {
		return err
	}
	o.hints.changed(name)
	if next != "" {
		o.hints.created(stringOf(next))
	}
	if exact {
		return o.makeRoom(ctx, name)
	}
	return nil
}

// finishSimply ends an operation without counting its bytes, and returns the one that is due instead.
func (o *Operations) finishSimply(ctx context.Context, name string, fence int64, r operation.Result) (next string, err error) {
	if ended, err := o.ends.do(ctx, end{name, fence, r}); err != nil || ended {
		return "", err
	}
	err = o.db.do(ctx, func(ctx context.Context, _ bool) error {
		conn, err := o.db.conn(ctx)
		if err != nil {
			return err
		}
		defer conn.Release()
		b := &pgx.Batch{}
		b.Queue(readCommitted)
		end := o.queueFinish(b, name, fence, r)
		b.Queue("COMMIT")
		if err := conn.SendBatch(ctx, b).Close(); err != nil {
			return err
		}
		next = end.next
		return end.err()
	})
	return next, err
}

// end is a call of Finish.
type end struct {
	name   string
	fence  int64
	result operation.Result
}

// finishAll ends operations in one transaction, and reports which of them it has ended.
func (o *Operations) finishAll(ctx context.Context, all []end) ([]bool, error) {
	ended := make([]bool, len(all))
	err := o.db.do(ctx, func(ctx context.Context, _ bool) error {
		conn, err := o.db.conn(ctx)
		if err != nil {
			return err
		}
		defer conn.Release()
		b := &pgx.Batch{}
		for i, e := range all {
			r := e.result
			b.Queue(o.sql.finish, textOf(e.name), e.fence, r.Response, r.Status, r.Metadata).Exec(func(tag pgconn.CommandTag) error {
				ended[i] = tag.RowsAffected() == 1
				return nil
			})
		}
		return conn.SendBatch(ctx, b).Close()
	})
	return ended, err
}

// ended is what has become of an operation that was to end.
type ended struct {
	principal  string
	was, bytes int    // what it counted for, and counts for now
	updated    bool   // that it has ended now
	same       bool   // that it had ended in the same way
	next       string // the operation that is due instead; "" for none
	removed    bool
}

func (e *ended) err() error {
	if e.updated || e.same {
		return nil
	}
	return operation.ErrLeaseLost
}

// queueFinish adds the statements of Finish to a transaction.
func (o *Operations) queueFinish(b *pgx.Batch, name string, fence int64, r operation.Result) *ended {
	e := &ended{}
	key := textOf(name)
	b.Queue(o.sql.lockOf, key)
	b.Queue(o.sql.lockRow, key).QueryRow(func(row pgx.Row) error { return noRows(row.Scan(&e.principal, &e.was)) })
	b.Queue(o.sql.finishAny, key, fence, r.Response, r.Status, r.Metadata).QueryRow(func(row pgx.Row) error {
		err := row.Scan(nil, &e.bytes)
		e.updated = err == nil
		return noRows(err)
	})
	b.Queue(o.sql.sameResult, key, fence, r.Response, r.Status).QueryRow(func(row pgx.Row) error { return noRows(row.Scan(&e.same)) })
	o.queueAfter(b, key, e)
	return e
}

// queueAfter adds the statements that follow the end of an operation.
func (o *Operations) queueAfter(b *pgx.Batch, key string, e *ended) {
	b.Queue(o.sql.promote, key).QueryRow(func(row pgx.Row) error { return noRows(row.Scan(&e.next)) })
	b.Queue(o.sql.removeDeleted, key).Exec(func(tag pgconn.CommandTag) error {
		e.removed = tag.RowsAffected() > 0
		return nil
	})
}

// finishCounted ends an operation if its principal's share has room for the result, and returns
// the one that is due instead.
func (o *Operations) finishCounted(ctx context.Context, name string, fence int64, r operation.Result) (next string, err error) {
	var e *ended
	err = o.inTx(ctx, func(ctx context.Context, tx pgx.Tx, _ bool) error {
		b := &pgx.Batch{}
		e = o.queueFinish(b, name, fence, r)
		if err := tx.SendBatch(ctx, b).Close(); err != nil {
			return err
		}
		if !e.updated || len(r.Response) == 0 && len(r.Metadata) == 0 && len(r.Status) <= operation.ReservedStatusBytes {
			return nil
		}
		full, err := o.shares.mayKeep(ctx, tx, stringOf(e.principal), e.pinned(), e.bytes)
		if err == nil && full {
			err = o.full("a result", e.bytes)
		}
		return err
	})
	if err == nil {
		err = e.err()
	}
	if err != nil {
		return "", err
	}
	o.counted(e)
	return e.next, nil
}

// pinned returns what the operation counted for before its end.
func (e *ended) pinned() int { return e.was + operation.ReservedStatusBytes }

// counted counts the bytes of an operation that has ended.
func (o *Operations) counted(e *ended) {
	if !e.updated {
		return
	}
	kept := e.bytes
	if e.removed {
		kept = 0
	}
	o.shares.add(stringOf(e.principal), -e.pinned(), kept)
}

// cancelNowSQL ends an operation that nothing holds, whose row the transaction has locked.
const cancelNowSQL = `UPDATE {{table}} SET cancel_time = coalesce(cancel_time, statement_timestamp()),` + endSet + `
WHERE name = $1 AND $2 = 0 AND done_time IS NULL AND (lease_until IS NULL OR lease_until <= statement_timestamp())
RETURNING principal, kept_bytes`

// cancelHeldSQL marks an operation that a worker holds.
const cancelHeldSQL = `
UPDATE {{table}} SET cancel_time = statement_timestamp(), update_time = statement_timestamp()
WHERE name = $1 AND done_time IS NULL AND cancel_time IS NULL`

// RequestCancel implements [operation.Store].
func (o *Operations) RequestCancel(ctx context.Context, name string, r operation.Result) (*operation.Record, error) {
	if o.errs != nil {
		return nil, o.errs
	}
	var rec *operation.Record
	e := &ended{}
	key := textOf(name)
	err := o.db.do(ctx, func(ctx context.Context, _ bool) error {
		conn, err := o.db.conn(ctx)
		if err != nil {
			return err
		}
		defer conn.Release()
		*e, rec = ended{}, nil
		b := &pgx.Batch{}
		b.Queue(readCommitted)
		b.Queue(o.sql.lockOf, key)
		b.Queue(o.sql.lockRow, key).QueryRow(func(row pgx.Row) error { return noRows(row.Scan(&e.principal, &e.was)) })
		b.Queue(o.sql.cancelNow, key, 0, r.Response, r.Status, r.Metadata).QueryRow(func(row pgx.Row) error {
			err := row.Scan(nil, &e.bytes)
			e.updated = err == nil
			return noRows(err)
		})
		b.Queue(o.sql.cancelHeld, key)
		b.Queue(o.sql.get, key).QueryRow(func(row pgx.Row) (err error) {
			rec, err = scanRecord(row)
			return noRows(err)
		})
		o.queueAfter(b, key, e)
		b.Queue("COMMIT")
		return conn.SendBatch(ctx, b).Close()
	})
	switch {
	case err != nil:
		return nil, err
	case rec == nil:
		return nil, operation.ErrNotFound
	}
	o.counted(e)
	o.hints.changed(name)
	if e.next != "" {
		o.hints.created(stringOf(e.next))
	}
	return rec, nil
}

// removeSQL removes an operation that is done, and hideSQL marks any other one.
const (
	removeSQL = `DELETE FROM {{table}} WHERE name = $1 AND done_time IS NOT NULL RETURNING principal, kept_bytes`
	hideSQL   = `
UPDATE {{table}} SET delete_time = statement_timestamp(), update_time = statement_timestamp()
WHERE name = $1 AND done_time IS NULL AND delete_time IS NULL`
	existsSQL = `SELECT EXISTS (SELECT FROM {{table}} WHERE name = $1 AND delete_time IS NULL)`
)

// Delete implements [operation.Store].
func (o *Operations) Delete(ctx context.Context, name string) error {
	if o.errs != nil {
		return o.errs
	}
	key := textOf(name)
	var principal string
	kept := 0
	err := o.db.do(ctx, func(ctx context.Context, repeated bool) error {
		conn, err := o.db.conn(ctx)
		if err != nil {
			return err
		}
		defer conn.Release()
		for exists := true; exists; { // it may end between two statements
			b := &pgx.Batch{}
			changed := int64(0)
			b.Queue(o.sql.hide, key).Exec(func(tag pgconn.CommandTag) error {
				changed = tag.RowsAffected()
				return nil
			})
			b.Queue(o.sql.remove, key).QueryRow(func(row pgx.Row) error {
				err := row.Scan(&principal, &kept)
				if err == nil {
					changed++
				}
				return noRows(err)
			})
			b.Queue(o.sql.exists, key).QueryRow(func(row pgx.Row) error { return row.Scan(&exists) })
			if err := conn.SendBatch(ctx, b).Close(); err != nil {
				return err
			}
			if changed > 0 {
				return nil
			}
		}
		if repeated {
			return nil
		}
		return operation.ErrNotFound
	})
	if err != nil {
		return err
	}
	if kept > 0 {
		o.shares.add(stringOf(principal), 0, -kept)
	}
	o.hints.changed(name)
	return nil
}

// expireSQL removes operations that have expired and that nothing has locked.
const expireSQL = `
WITH forgotten AS (` + forgetSQL + `)
DELETE FROM {{table}} WHERE name IN (
	SELECT name FROM {{table}} WHERE expire_time <= statement_timestamp()
	ORDER BY expire_time LIMIT $1 FOR UPDATE SKIP LOCKED)
RETURNING name, principal, kept_bytes`

// Expire implements [operation.Store].
func (o *Operations) Expire(ctx context.Context, n int) (int, error) {
	if n <= 0 || o.errs != nil {
		return 0, o.errs
	}
	return o.removeMany(ctx, o.sql.expire, n)
}

// removeMany removes operations by a statement that returns them.
func (o *Operations) removeMany(ctx context.Context, sql string, args ...any) (n int, err error) {
	type removed struct {
		name, principal string
		bytes           int
	}
	var all []removed
	err = o.db.do(ctx, func(ctx context.Context, _ bool) error {
		conn, err := o.db.conn(ctx)
		if err != nil {
			return err
		}
		defer conn.Release()
		rows, err := conn.Query(ctx, sql, args...)
		if err != nil {
			return err
		}
		all, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (r removed, err error) {
			err = row.Scan(&r.name, &r.principal, &r.bytes)
			return r, err
		})
		return err
	})
	for _, r := range all {
		o.shares.add(stringOf(r.principal), 0, -r.bytes)
		o.hints.changed(stringOf(r.name))
	}
	return len(all), err
}

// evictSQL removes those of a principal's done operations that expire first, until they have $2
// bytes. evictAnySQL does so for all principals.
const (
	evictSQL = `
DELETE FROM {{table}} WHERE name IN (
	SELECT name FROM (
		SELECT name, sum(kept_bytes) OVER (ORDER BY expire_time, name) - kept_bytes AS before
		FROM (SELECT name, expire_time, kept_bytes FROM {{table}} WHERE expire_time IS NOT NULL AND principal = $1 AND name <> $3
			ORDER BY expire_time, name LIMIT 1000) AS first
	) AS summed WHERE before < $2)
RETURNING name, principal, kept_bytes`
	evictAnySQL = `
DELETE FROM {{table}} WHERE name IN (
	SELECT name FROM (
		SELECT name, sum(kept_bytes) OVER (ORDER BY expire_time, name) - kept_bytes AS before
		FROM (SELECT name, expire_time, kept_bytes FROM {{table}} WHERE expire_time IS NOT NULL AND name <> $2
			ORDER BY expire_time, name LIMIT 1000) AS first
	) AS summed WHERE before < $1)
RETURNING name, principal, kept_bytes`
)

// makeRoom removes done operations until all fit, but not the one that has just ended: those of
// the principal whose operations take most, those that expire first first.
func (o *Operations) makeRoom(ctx context.Context, except string) error {
	for {
		principal, excess := o.shares.excess()
		if excess <= 0 {
			return nil
		}
		n, err := o.removeMany(ctx, o.sql.evict, textOf(principal), excess, textOf(except))
		if err == nil && n == 0 {
			n, err = o.removeMany(ctx, o.sql.evictAny, excess, textOf(except))
		}
		if err != nil || n == 0 {
			return err
		}
	}
}
