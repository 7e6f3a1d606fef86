package pgstore

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/grpcservice/grpcservice/runtime/eventlog"
)

// sqlLogAppend appends the records $2, of $3 bytes, which have the number $4, and notifies the
// channel $6. It returns the row of the log, and no row if there is no log or the append was
// repeated. The row is locked until the commit, and the times are taken under the lock. $5 is the
// epoch if the log needs another one.
//
// A copy of the table may have lost its defaults and constraints, so retries may be null.
//
// A commit that is not on disk could be lost after readers have seen its records, whose numbers
// would be used again: so the transaction waits for the disk if the session does not.
const sqlLogAppend = `
WITH now AS MATERIALIZED (
	SELECT {{incarnation}} AS incarnation
), l AS (
	UPDATE {{logs}} l SET
		last = last + cardinality($2::bytea[]), appended = appended + $3,
		latest = greatest(latest, clock_timestamp()),
		epoch = CASE WHEN l.incarnation = now.incarnation THEN l.epoch ELSE $5 END,
		incarnation = now.incarnation,
		retries = CASE WHEN l.retried < clock_timestamp() - interval '1 hour' THEN '{}' ELSE l.retries END
	FROM now WHERE hash = $1 AND ($4 = ANY (l.retries)) IS NOT TRUE
	RETURNING l.*
), added AS (
	INSERT INTO {{records}} (log, sequence, time, upto, append, data)
	SELECT l.id, l.last - cardinality($2::bytea[]) + r.n, l.latest,
		l.appended - $3 + sum(octet_length(r.data)) OVER (ORDER BY r.n), $4, r.data
	FROM l, unnest($2::bytea[]) WITH ORDINALITY AS r (data, n)
)
SELECT ` + logColumns + `, true
FROM l, pg_notify($6, ''), LATERAL (
	SELECT CASE WHEN current_setting('synchronous_commit') = 'off'
		THEN set_config('synchronous_commit', 'on', true) END
) durable`

const (
	// sqlLogLock locks the row of a log.
	sqlLogLock = `SELECT FROM {{logs}} WHERE hash = $1 FOR UPDATE`
	// sqlLogRepeated records that the append with the number $2 was repeated: the statement of an
	// earlier attempt may be on its way although its connection is lost. The last 128 are kept, for
	// an hour.
	sqlLogRepeated = `
UPDATE {{logs}} SET retries = (ARRAY[$2::bigint] || retries)[1:128], retried = clock_timestamp()
WHERE hash = $1`
	// sqlLogAppended returns the number of the last of the records after $2 of the append $3. It
	// returns that of the last record that was trimmed if the append was repeated and its records
	// are deleted, and null if there are none.
	sqlLogAppended = `
SELECT ` + stateColumns + `, coalesce(
	(SELECT max(sequence) FROM {{records}} WHERE log = l.id AND sequence > $2 AND append = $3),
	CASE WHEN $3 = ANY (l.retries) THEN l.first - 1 END
) FROM {{logs}} l WHERE hash = $1`
)

// Append implements [eventlog.Store]. If its connection is lost, it finds out whether the records
// were appended, and appends them otherwise; the error is [ErrOutcomeUnknown] if the database
// cannot be asked in time, or if the log was deleted or its epoch changed meanwhile. Records that
// exceed the limits of the log, or 256 MiB, are [eventlog.ErrTooLarge].
func (l *Log) Append(ctx context.Context, data ...[]byte) (eventlog.Position, error) {
	if err := ctx.Err(); err != nil {
		return eventlog.Position{}, err
	}
	if len(data) == 0 {
		b, err := l.Bounds(ctx)
		return b.Head(), err
	}
	size, err := l.check(data)
	if err != nil {
		return eventlog.Position{}, err
	}
	return l.flights.join(ctx, data, size, l.db, l.fly)
}

// check returns the bytes of records, and an error if a log cannot hold them.
func (l *Log) check(data [][]byte) (size int64, err error) {
	for _, d := range data {
		size += int64(len(d))
	}
	n := int64(len(data))
	if size > maxAppend || n > l.maxRecords || size+n*logRecordBytes > l.maxBytes {
		return 0, fmt.Errorf("%w: %d records with %d bytes of data; "+
			"an append has at most %d bytes, and the log %q %d records with %d bytes",
			eventlog.ErrTooLarge, n, size, int64(maxAppend), l.name, l.maxRecords, l.maxBytes)
	}
	return size, nil
}

// fly appends the records of joined calls.
func (l *Log) fly(ctx context.Context, data [][]byte, size int64) (eventlog.Position, error) {
	known := l.known.Load()
	if known == nil { // what Append looks at after a lost connection starts here
		s, err := l.state(ctx)
		if err != nil {
			return eventlog.Position{}, err
		}
		head := s.bounds.Head()
		known = &head
	}
	var s logState
	number := newEpoch()
	err := l.current(ctx, func(ctx context.Context, repeated bool) (found, current bool, err error) {
		if repeated {
			s, found, err = l.appendOnce(ctx, *known, data, size, number)
		} else {
			s, found, err = l.append(ctx, inPool{l.db}, data, size, number)
		}
		return found, true, err
	})
	if err != nil {
		return eventlog.Position{}, err
	}
	l.saw(s.bounds.Head())
	l.tidy(ctx, s)
	return s.bounds.Head(), nil
}

// rowQuerier is a pool or a transaction.
type rowQuerier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// append appends records. found is false if there is no log.
func (l *Log) append(
	ctx context.Context, from rowQuerier, data [][]byte, size, number int64,
) (s logState, found bool, err error) {
	data = slices.Clone(data)
	for i := range data {
		data[i] = stored(data[i])
	}
	row := from.QueryRow(ctx, l.sql.append, l.hash, data, size, number, newEpoch(), l.channel())
	found, err = s.scan(row)
	return s, found, err
}

// appendOnce appends records unless an earlier attempt has. It asks under the lock of the log,
// which waits for that attempt if it is still running, and has no effect if it comes later.
func (l *Log) appendOnce(
	ctx context.Context, known eventlog.Position, data [][]byte, size, number int64,
) (s logState, found bool, err error) {
	err = l.db.inTx(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, l.sql.lock, l.hash); err != nil {
			return err
		}
		var last *int64
		row := tx.QueryRow(ctx, l.sql.appended, l.hash, asSequence(known.Sequence), number)
		if found, err = s.scan(row, &last); err != nil {
			return err
		}
		if !found || !s.current || s.bounds.Epoch != known.Epoch {
			return errors.Join(ErrOutcomeUnknown, errOtherEpoch)
		}
		if last != nil {
			s.bounds.Last = uint64(*last)
			return nil
		}
		if s, found, err = l.append(ctx, tx, data, size, number); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, l.sql.repeated, l.hash, number)
		return err
	})
	return s, found, err
}

var errOtherEpoch = errors.New("the log was deleted, or the database was restored " +
	"or has failed over: positions from before are of another epoch")

// AppendTx implements [eventlog.TxStore]: it appends records in tx, a [pgx.Tx], so that they exist
// if tx is committed and never otherwise. The position is that of the last record then.
//
// It locks the log until tx ends, and all other appends to the log wait for that: call it last, in
// a short transaction, and append to several logs in the same order everywhere, or transactions
// may deadlock. Records are in the order of the commits. In a transaction of an isolation above
// READ COMMITTED, it fails with a serialization failure if another append was committed since that
// began; repeat the transaction.
func (l *Log) AppendTx(ctx context.Context, tx any, data ...[]byte) (eventlog.Position, error) {
	t, ok := tx.(pgx.Tx)
	if !ok || t == nil {
		return eventlog.Position{}, fmt.Errorf("%w: a %T; pass a pgx.Tx", eventlog.ErrNoTx, tx)
	}
	size, err := l.check(data)
	if err != nil {
		return eventlog.Position{}, err
	}
	number := newEpoch()
	s, found, err := l.append(ctx, t, data, size, number)
	if err == nil && !found {
		if _, err = t.Exec(ctx, l.sql.create, l.hash, []byte(l.name), newEpoch()); err == nil {
			s, found, err = l.append(ctx, t, data, size, number)
		}
		if err == nil && !found {
			err = errors.New("the log is deleted while it is appended to; retry")
		}
	}
	return s.bounds.Head(), explained(err)
}
