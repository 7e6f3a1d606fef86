package pgstore

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/grpcservice/grpcservice/runtime/eventlog"
)

const (
	// trimSteps bounds the steps of one call that trims or deletes; a step has 1,000 records.
	trimSteps = 16
	stepBytes = 16 << 20 // of a step that deletes
	// slack is the part of a limit by which a log may exceed it before it is trimmed.
	slack = 64
)

// sqlLogTrim trims a log through the record $2. It returns the number of the record that is first
// then, if it has trimmed any.
const sqlLogTrim = `
UPDATE {{logs}} l SET first = $2 + 1,
	trimmed = (SELECT upto FROM {{records}} WHERE log = l.id AND sequence = $2)
WHERE hash = $1 AND epoch = $3 AND $2 BETWEEN first AND last
RETURNING first`

// sqlLogShrink trims what exceeds $2 records or $3 bytes, or is older than $4 microseconds, of the
// first 1,000 records. It returns the number of the record that is first then, if it has trimmed
// any.
const sqlLogShrink = `
UPDATE {{logs}} l SET first = t.sequence + 1, trimmed = t.upto
FROM (
	SELECT max(r.sequence) AS sequence, max(r.upto) AS upto
	FROM {{logs}} k, LATERAL (
		SELECT sequence, time, upto, octet_length(data) AS bytes FROM {{records}}
		WHERE log = k.id AND sequence >= k.first ORDER BY sequence LIMIT 1000
	) r
	WHERE k.hash = $1 AND (
		k.last - r.sequence + 1 > $2
		OR k.appended - r.upto + r.bytes + (k.last - r.sequence + 1) * $5 > $3
		OR $4 > 0 AND r.time < now() - $4 * interval '1 microsecond')
) t
WHERE hash = $1 AND t.sequence IS NOT NULL
RETURNING first`

const (
	// sqlLogOldest returns the number of the first record that is not deleted, or 0.
	sqlLogOldest = `SELECT coalesce(min(sequence), 0) FROM {{records}} WHERE log = $1`
	// sqlLogSweep deletes up to 1,000 records between the numbers $2 and $3, of up to $4 bytes. It
	// returns the number of the last, or 0.
	sqlLogSweep = `
WITH next AS (
	SELECT sequence, upto - first_value(upto) OVER (ORDER BY sequence) AS bytes
	FROM (
		SELECT sequence, upto FROM {{records}} WHERE log = $1 AND sequence > $2 AND sequence < $3
		ORDER BY sequence LIMIT 1000
	) n
), gone AS (
	DELETE FROM {{records}} WHERE log = $1 AND sequence > $2
		AND sequence <= (SELECT max(sequence) FROM next WHERE bytes <= $4)
	RETURNING sequence
) SELECT coalesce(max(sequence), 0) FROM gone`
)

// Trim implements [eventlog.Store]. The records are gone for all readers when it returns. Those
// that it has no time to delete are deleted by later calls.
func (l *Log) Trim(ctx context.Context, through eventlog.Position) error {
	s, err := l.state(ctx)
	if err != nil {
		return err
	}
	if through.Epoch != s.bounds.Epoch || through.Sequence > s.bounds.Last {
		return s.bounds.Check(through)
	}
	if through.Sequence < s.bounds.First {
		return nil
	}
	var first int64
	err = l.db.do(ctx, func(ctx context.Context, _ bool) error {
		first = 0
		batch := &pgx.Batch{} // one transaction, of two snapshots: the second sees all records up to $2
		batch.Queue(l.sql.lock, l.hash)
		batch.Queue(l.sql.trim, l.hash, asSequence(through.Sequence), int64(through.Epoch)).
			Query(scanFirst(&first))
		return l.db.send(ctx, batch)
	})
	if err != nil {
		return err
	}
	if first == 0 { // another call has trimmed them meanwhile, or the log has another epoch
		return l.Trim(ctx, through)
	}
	l.trim.mu.Lock()
	defer l.trim.mu.Unlock()
	s.bounds.First = uint64(first)
	l.sweep(ctx, s)
	return nil
}

// tidy trims a log whose row exceeds the limits, or may have records that are too old, and deletes
// what was trimmed. It reports whether it has trimmed anything. One call of the process does so at
// a time. Its errors are not those of the call: what it leaves is removed after another one.
func (l *Log) tidy(ctx context.Context, s logState) (trimmed bool) {
	t := &l.trim
	if !l.exceeds(s) && !l.mayBeOld(s) && !l.mayBeSwept(s) || !t.mu.TryLock() {
		return false
	}
	defer t.mu.Unlock()
	t.aged.Store(time.Now().UnixNano())
	for range trimSteps {
		first, err := l.shrink(ctx)
		if err != nil || first == 0 {
			break
		}
		full := uint64(first)-s.bounds.First == 1000
		s.bounds.First, trimmed = uint64(first), true
		if !full {
			break
		}
	}
	l.sweep(ctx, s)
	return trimmed
}

// exceeds reports whether the log exceeds its limits, by a part that makes it worth a statement.
func (l *Log) exceeds(s logState) bool {
	return s.records() > l.maxRecords+l.maxRecords/slack || s.size() > l.maxBytes+l.maxBytes/slack
}

// mayBeOld reports whether it is time to trim by age.
func (l *Log) mayBeOld(s logState) bool {
	last := time.Unix(0, l.trim.aged.Load())
	return l.maxAge > 0 && s.records() > 0 && time.Since(last) > l.maxAge/slack
}

// mayBeSwept reports whether there may be trimmed records that are not deleted.
func (l *Log) mayBeSwept(s logState) bool {
	if s.bounds.First <= 1 {
		return false
	}
	swept := l.sweptOf(s)
	return swept == nil || swept.Sequence < s.bounds.First-1
}

// sweptOf returns what is known to be deleted of a log, or nil. What is known of another epoch is
// worthless: the log was deleted and created again, or restored from a backup.
func (l *Log) sweptOf(s logState) *eventlog.Position {
	swept := l.trim.swept.Load()
	if swept == nil || swept.Epoch != s.bounds.Epoch {
		return nil
	}
	return swept
}

// shrink trims up to 1,000 records, and returns the number of the first that is left; 0 if it has
// trimmed none.
func (l *Log) shrink(ctx context.Context) (first int64, err error) {
	batch := &pgx.Batch{} // as in Trim
	batch.Queue(l.sql.lock, l.hash)
	batch.Queue(l.sql.shrink,
		l.hash, l.maxRecords, l.maxBytes, micros(l.maxAge), int64(logRecordBytes)).
		Query(scanFirst(&first))
	err = l.db.send(ctx, batch)
	return first, err
}

// scanFirst returns a function that scans the row of a result, if there is one.
func scanFirst(first *int64) func(pgx.Rows) error {
	return func(rows pgx.Rows) error {
		_, err := pgx.ForEachRow(rows, []any{first}, func() error { return nil })
		return err
	}
}

// sweep deletes records before the first. The caller holds trim.mu.
func (l *Log) sweep(ctx context.Context, s logState) {
	if !l.mayBeSwept(s) {
		return
	}
	swept := eventlog.Position{Epoch: s.bounds.Epoch}
	if known := l.sweptOf(s); known != nil {
		swept = *known
	} else {
		var oldest int64
		if err := (inPool{l.db}).QueryRow(ctx, l.sql.oldest, s.id).Scan(&oldest); err != nil {
			return
		}
		swept.Sequence = uint64(max(oldest, 1)) - 1
	}
	for range trimSteps {
		known := swept
		l.trim.swept.Store(&known)
		if swept.Sequence >= s.bounds.First-1 {
			return
		}
		var last int64
		row := inPool{l.db}.QueryRow(ctx, l.sql.sweep,
			s.id, int64(swept.Sequence), int64(s.bounds.First), int64(stepBytes))
		if err := row.Scan(&last); err != nil {
			return
		}
		if last == 0 { // others have deleted them
			last = int64(s.bounds.First) - 1
		}
		swept.Sequence = uint64(last)
	}
	l.trim.swept.Store(&swept)
}
