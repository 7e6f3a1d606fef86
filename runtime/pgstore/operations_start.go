package pgstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/grpcservice/grpcservice/runtime/operation"
)

// operationsSQL are the statements of operations with the name of their table.
type operationsSQL struct {
	insert, insertQueued, find, lockKey, notify       string
	createTime, repeat                                string
	claim, renew, save, release, released             string
	finish, finishAny, lockOf, promote, removeDeleted string
	sameResult, lockRow, cancelNow, cancelHeld        string
	get, remove, hide, exists, expire, count, seen    string
	evict, evictAny                                   string
}

func newOperationsSQL(db *DB) operationsSQL {
	table := strings.NewReplacer("{{table}}", db.table("operations"), "{{columns}}", recordColumns,
		"{{repeats}}", db.table("operation_repeats")).Replace
	return operationsSQL{
		insert: table(insertSQL), insertQueued: table(insertQueuedSQL), find: table(findSQL), lockKey: lockKeySQL,
		notify: notifySQL, createTime: table(createTimeSQL), repeat: table(repeatSQL),
		claim: table(claimSQL), renew: table(renewSQL), save: table(saveSQL), release: table(releaseSQL), released: table(releasedSQL),
		finish: table(finishSQL + finishSimple), finishAny: table(finishSQL + finishReturning), lockOf: table(lockOfSQL),
		promote: table(promoteSQL), removeDeleted: table(removeDeletedSQL), sameResult: table(sameResultSQL),
		lockRow: table(lockRowSQL), cancelNow: table(cancelNowSQL), cancelHeld: table(cancelHeldSQL),
		get: table(getSQL), remove: table(removeSQL), hide: table(hideSQL), exists: table(existsSQL),
		expire: table(expireSQL), count: table(countSQL), seen: table(seenSQL),
		evict: table(evictSQL), evictAny: table(evictAnySQL),
	}
}

// insertColumns are the columns of a new operation whose values are parameters, from $1 on.
const insertColumns = `lease, timeout, retain, max_attempts, fixed_bytes, name, method, principal, idempotency_key,
	conflict_key, request_hash, conflict_hash, digest, scopes, carrier, request, metadata, checkpoint`

// nameArgument is the index of the name in the parameters.
const nameArgument = 5

// insertSQL adds an operation that has no conflict key, unless there is one with its name or its
// idempotency key, or the attempt $19 is void.
const insertSQL = `
INSERT INTO {{table}} (` + insertColumns + `, fence, attempt, front, create_time, update_time, run_after, due_time)
SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, 0, 0, false, at, at, at, at
FROM (SELECT statement_timestamp() AS at) AS clock
WHERE NOT EXISTS (SELECT FROM {{repeats}} WHERE name = $6 AND attempt >= $19)
ON CONFLICT DO NOTHING
RETURNING create_time`

// insertQueuedSQL is the same for one with a conflict key, whose lock the transaction has. It adds
// none if another has the key, unless $20: then the new one comes after all others.
const insertQueuedSQL = `
INSERT INTO {{table}} (` + insertColumns + `, fence, attempt, front, create_time, update_time, run_after, due_time)
SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, 0, 0, newest IS NULL, at, at, at,
	CASE WHEN newest IS NULL THEN at ELSE 'infinity' END
FROM (
	SELECT newest, greatest(statement_timestamp(), newest + interval '1 microsecond') AS at
	FROM (SELECT max(create_time) AS newest FROM {{table}} WHERE conflict_hash = $12 AND due_time IS NOT NULL) AS others
) AS clock
WHERE (newest IS NULL OR $20)
	AND NOT EXISTS (SELECT FROM {{repeats}} WHERE name = $6 AND attempt >= $19)
	AND current_setting('transaction_isolation') IN ('read committed', 'read uncommitted')
ON CONFLICT DO NOTHING
RETURNING create_time`

// lockKeySQL locks a conflict key until the end of the transaction, so that the next statement sees
// all that had it before. That is not so if the transaction sees one snapshot.
const lockKeySQL = `
SELECT current_setting('transaction_isolation') IN ('read committed', 'read uncommitted'), pg_advisory_xact_lock($1)`

// Why an operation was not added.
const (
	sameName = iota
	sameRequest
	sameConflictKey
)

// findSQL finds the operation that has the name, the idempotency key or the conflict key of
// another.
const findSQL = `
(SELECT {{columns}}, 0 FROM {{table}} WHERE name = $1) UNION ALL
(SELECT {{columns}}, 1 FROM {{table}} WHERE request_hash = $2) UNION ALL
(SELECT {{columns}}, 2 FROM {{table}} WHERE conflict_hash = $3 AND due_time IS NOT NULL ORDER BY create_time LIMIT 1)`

// Create implements [operation.Store]. If the connection was lost while the database committed, it
// finds the operation by its name.
func (o *Operations) Create(ctx context.Context, op *operation.Record, queue bool) (*operation.Record, bool, error) {
	args, err := o.insertArguments(op)
	if err != nil {
		return nil, false, err
	}
	if full, err := o.shares.mayStart(ctx, inPool{o.db}, op.Principal, pinnedBytes(op)); err != nil {
		return nil, false, err
	} else if full {
		return o.findInstead(ctx, op, queue)
	}
	if op.IdempotencyKey == "" && op.ConflictKey == "" {
		at, err := o.starts.do(ctx, args)
		if err != nil {
			return nil, false, err
		}
		o.created(op)
		return startedAt(op, at), true, nil
	}
	var stored *operation.Record
	created, attempt := false, 0
	err = o.db.do(ctx, func(ctx context.Context, repeated bool) (err error) {
		attempt++
		stored, created, err = o.create(ctx, op, start{args, attempt, repeated}, queue)
		return err
	})
	if err != nil {
		return nil, false, err
	}
	if created {
		o.created(op)
	}
	return stored, created, nil
}

// created notes that an operation was added.
func (o *Operations) created(op *operation.Record) {
	o.shares.add(op.Principal, pinnedBytes(op), 0)
	o.hints.created(op.Name)
}

// insertAll adds operations without keys in one transaction, and returns when they were created.
// One that an earlier attempt has added, which was interrupted after the commit, has its time.
func (o *Operations) insertAll(ctx context.Context, all [][]any) ([]time.Time, error) {
	times, attempt := make([]time.Time, len(all)), 0
	err := o.db.do(ctx, func(ctx context.Context, repeated bool) error {
		attempt++
		conn, err := o.db.conn(ctx)
		if err != nil {
			return err
		}
		defer conn.Release()
		b := &pgx.Batch{} // a transaction
		for i, args := range all {
			times[i] = time.Time{}
			s := start{args, attempt, repeated}
			o.queueRepeat(b, s)
			b.Queue(o.sql.insert, s.arguments()...).QueryRow(func(row pgx.Row) error {
				return noRows(row.Scan(&times[i]))
			})
		}
		if err := conn.SendBatch(ctx, b).Close(); err != nil {
			return err
		}
		for i, args := range all {
			if !times[i].IsZero() {
				continue
			}
			name := args[nameArgument].(string)
			if !repeated {
				return fmt.Errorf("pgstore: an operation named %s exists; use another name", stringOf(name))
			}
			if err := conn.QueryRow(ctx, o.sql.createTime, name).Scan(&times[i]); err != nil {
				return err
			}
		}
		return nil
	})
	return times, err
}

// createTimeSQL returns when an operation was created.
const createTimeSQL = `SELECT create_time FROM {{table}} WHERE name = $1`

// insertArguments returns the parameters of insertSQL.
func (o *Operations) insertArguments(op *operation.Record) ([]any, error) {
	if o.errs != nil {
		return nil, o.errs
	}
	if err := checkRecord(op); err != nil {
		return nil, err
	}
	if op.Bytes() > maxPayloadBytes {
		return nil, o.full("an operation", op.Bytes())
	}
	var carrier, digest []byte
	if len(op.Carrier) > 0 {
		var err error
		if carrier, err = json.Marshal(op.Carrier); err != nil {
			return nil, err
		}
	}
	if op.Digest != [32]byte{} {
		digest = op.Digest[:]
	}
	return []any{
		int64(op.Lease), int64(op.Timeout), int64(op.Retain), op.MaxAttempts, fixedBytes(op),
		textOf(op.Name), textOf(op.Method), textOf(op.Principal), textOf(op.IdempotencyKey), textOf(op.ConflictKey),
		o.requestHash(op), o.conflictHash(op.ConflictKey), digest, textsOf(op.Scopes), carrier,
		op.Request, op.Metadata, op.Checkpoint,
	}, nil
}

// mostRaces is how often an operation that was in the way may be gone when it is looked for.
const mostRaces = 10

// create adds an operation in a transaction of its own.
func (o *Operations) create(
	ctx context.Context, op *operation.Record, s start, queue bool,
) (*operation.Record, bool, error) {
	conn, err := o.db.conn(ctx)
	if err != nil {
		return nil, false, err
	}
	defer conn.Release()
	for range mostRaces {
		at, added, err := o.insert(ctx, conn.Conn(), op, s, queue)
		if err != nil {
			return nil, false, err
		}
		if added {
			return startedAt(op, at), true, nil
		}
		stored, why, err := o.find(ctx, conn.Conn(), op)
		switch {
		case err != nil:
			return nil, false, err
		case stored == nil || why == sameConflictKey && queue:
			continue // it is gone, or done
		case why == sameName && s.repeated:
			return stored, true, nil // the first attempt has added it
		}
		return inTheWay(stored, why)
	}
	return nil, false, fmt.Errorf("pgstore: %s was not added, as other operations with its keys came and went %d times; retry",
		op.Name, mostRaces)
}

// inTheWay returns what Create returns because of another operation.
func inTheWay(stored *operation.Record, why int) (*operation.Record, bool, error) {
	switch why {
	case sameRequest:
		return stored, false, nil
	case sameConflictKey:
		return nil, false, &operation.ConflictError{Other: stored}
	}
	return nil, false, fmt.Errorf("pgstore: an operation named %s exists; use another name", stored.Name)
}

// readCommitted begins the transactions of this package, whatever the default of the database is.
const readCommitted = `BEGIN ISOLATION LEVEL READ COMMITTED`

// insert adds an operation, and reports whether nothing was in its way.
func (o *Operations) insert(
	ctx context.Context, conn *pgx.Conn, op *operation.Record, s start, queue bool,
) (at time.Time, added bool, err error) {
	scan := func(row pgx.Row) error { return noRows(row.Scan(&at)) }
	b := &pgx.Batch{} // a transaction
	if op.ConflictKey == "" {
		o.queueRepeat(b, s)
		b.Queue(o.sql.insert, s.arguments()...).QueryRow(scan)
	} else {
		b.Queue(readCommitted)
		b.Queue(o.sql.lockKey, lockOfHash(o.conflictHash(op.ConflictKey)))
		o.queueRepeat(b, s)
		b.Queue(o.sql.insertQueued, s.arguments(queue)...).QueryRow(scan)
		b.Queue("COMMIT")
	}
	err = conn.SendBatch(ctx, b).Close()
	return at, err == nil && !at.IsZero(), err
}

// noRows returns nil for the error of a row that there is not.
func noRows(err error) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	return err
}

// lockOfHash returns the number of the advisory lock of a conflict key. lockOfSQL computes the same.
func lockOfHash(hash []byte) int64 {
	var n uint64
	for _, b := range hash[:8] {
		n = n<<8 | uint64(b)
	}
	return int64(n)
}

// queryer is a connection or a transaction.
type queryer interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// find returns the operation that is in the way of another, and why; nil for none.
func (o *Operations) find(ctx context.Context, in queryer, op *operation.Record) (found *operation.Record, why int, err error) {
	rows, err := in.Query(ctx, o.sql.find, textOf(op.Name), o.requestHash(op), o.conflictHash(op.ConflictKey))
	if err != nil {
		return nil, 0, err
	}
	defer rows.Close()
	for rows.Next() {
		kind := 0
		r, err := scanRecord(rows, &kind)
		if err != nil {
			return nil, 0, err
		}
		if found == nil || kind < why {
			found, why = r, kind
		}
	}
	return found, why, rows.Err()
}

// findInstead returns what Create returns if there is no room.
func (o *Operations) findInstead(
	ctx context.Context, op *operation.Record, queue bool,
) (*operation.Record, bool, error) {
	var stored *operation.Record
	var why int
	err := o.db.do(ctx, func(ctx context.Context, _ bool) error {
		return o.db.with(ctx, func(conn *pgxpool.Conn) (err error) {
			stored, why, err = o.find(ctx, conn.Conn(), op)
			return err
		})
	})
	if err != nil {
		return nil, false, err
	}
	return o.insteadOfFull(op, queue, stored, why)
}

// insteadOfFull returns the result for an operation that there is no room for: one that is in its way
// comes first.
func (o *Operations) insteadOfFull(
	op *operation.Record, queue bool, stored *operation.Record, why int,
) (*operation.Record, bool, error) {
	if stored == nil || why == sameConflictKey && queue {
		return nil, false, o.full("an operation", pinnedBytes(op))
	}
	return inTheWay(stored, why)
}

// startedAt returns op as an operation created at a time.
func startedAt(op *operation.Record, at time.Time) *operation.Record {
	at = at.UTC()
	return &operation.Record{
		Name: op.Name, Method: op.Method, Principal: op.Principal, Scopes: op.Scopes,
		IdempotencyKey: op.IdempotencyKey, Digest: op.Digest, ConflictKey: op.ConflictKey,
		Request: op.Request, Metadata: op.Metadata, Checkpoint: op.Checkpoint, Carrier: op.Carrier,
		Lease: op.Lease, Timeout: op.Timeout, Retain: op.Retain, MaxAttempts: op.MaxAttempts,
		CreateTime: at, UpdateTime: at, RunAfter: at,
	}
}

// CreateTx implements [operation.TxStore]. tx is a [pgx.Tx] of the same database. Workers see the
// operation after the commit, which also announces it, and never after a rollback.
//
// An operation with the same idempotency key that another transaction has added delays the call
// until that ends, and so does one with the same conflict key. If the isolation of tx is above
// READ COMMITTED, CreateTx returns an error for an operation with a conflict key, and an error of
// serialization if another transaction has added one with the same idempotency key meanwhile.
func (o *Operations) CreateTx(ctx context.Context, tx any, op *operation.Record, queue bool) (*operation.Record, bool, error) {
	in, ok := tx.(pgx.Tx)
	if !ok {
		return nil, false, fmt.Errorf("%w: %T; pass a pgx.Tx", operation.ErrNoTx, tx)
	}
	args, err := o.insertArguments(op)
	if err != nil {
		return nil, false, err
	}
	if full, err := o.shares.mayStart(ctx, in, op.Principal, pinnedBytes(op)); err != nil {
		return nil, false, err
	} else if full {
		stored, why, err := o.find(ctx, in, op) // not on another connection, which may never be free
		if err != nil {
			return nil, false, explained(err)
		}
		return o.insteadOfFull(op, queue, stored, why)
	}
	for range mostRaces {
		at, err := o.insertTx(ctx, in, op, start{args: args, attempt: 1}, queue)
		if err != nil {
			return nil, false, explained(err)
		}
		if !at.IsZero() {
			o.shares.add(op.Principal, pinnedBytes(op), 0)
			return startedAt(op, at), true, nil
		}
		stored, why, err := o.find(ctx, in, op)
		if err != nil {
			return nil, false, explained(err)
		}
		if stored != nil && !(why == sameConflictKey && queue) {
			return inTheWay(stored, why)
		}
	}
	return nil, false, fmt.Errorf("pgstore: %s was not added, as other operations with its keys came and went %d times; retry",
		op.Name, mostRaces)
}

// insertTx adds an operation in a transaction, in one round trip. The time is zero if another one
// is in the way.
func (o *Operations) insertTx(
	ctx context.Context, tx pgx.Tx, op *operation.Record, s start, queue bool,
) (at time.Time, err error) {
	b := &pgx.Batch{}
	insert, args := o.sql.insert, s.arguments()
	if op.ConflictKey != "" {
		insert, args = o.sql.insertQueued, s.arguments(queue)
		lock := b.Queue(o.sql.lockKey, lockOfHash(o.conflictHash(op.ConflictKey)))
		lock.QueryRow(func(row pgx.Row) error {
			latest := false
			if err := row.Scan(&latest, nil); err != nil || latest {
				return err
			}
			return errors.New("pgstore: an operation with a conflict key is started in a transaction above READ COMMITTED, " +
				"which does not see what has ended; begin it with READ COMMITTED")
		})
	}
	b.Queue(insert, args...).QueryRow(func(row pgx.Row) error { return noRows(row.Scan(&at)) })
	if o.hints.interval() > 0 {
		b.Queue(o.sql.notify, o.hints.due, "")
	}
	err = tx.SendBatch(ctx, b).Close()
	return at, err
}

// notifySQL announces something on a channel when the transaction commits.
const notifySQL = `SELECT pg_notify($1, $2)`
