package pgstore

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/grpcservice/grpcservice/runtime/eventlog"
)

// sqlLogRead returns the row of a log with each of the first $4 records after $2, as far as they
// have $5 bytes; at least one. It returns the row alone if there is none, or if $2 is not a
// position of the epoch $3 after which all records are left.
const sqlLogRead = `
SELECT ` + stateColumns + `, r.sequence, r.time, r.data
FROM {{logs}} l LEFT JOIN LATERAL (
	SELECT sequence, time, data
	FROM (
		SELECT sequence, time, data, row_number() OVER w AS n,
			upto - first_value(upto - octet_length(data)) OVER w AS bytes
		FROM (
			SELECT sequence, time, data, upto FROM {{records}}
			WHERE log = l.id AND sequence > $2 AND $2 >= l.first - 1 AND $3 = l.epoch
			ORDER BY sequence LIMIT $4
		) next WINDOW w AS (ORDER BY sequence)
	) next WHERE n = 1 OR bytes <= $5
) r ON true WHERE l.hash = $1 ORDER BY r.sequence`

// Read implements [eventlog.Store].
func (l *Log) Read(
	ctx context.Context, after eventlog.Position, limit eventlog.Limit,
) (eventlog.Batch, error) {
	s, records, err := l.read(ctx, after, limit)
	if err != nil {
		return eventlog.Batch{}, err
	}
	l.tidy(ctx, s)
	return eventlog.Batch{Records: records, Bounds: s.bounds}, s.bounds.Check(after)
}

// read returns the row of the log, and the records after a position, in one snapshot.
func (l *Log) read(
	ctx context.Context, after eventlog.Position, limit eventlog.Limit,
) (s logState, records []eventlog.Record, err error) {
	err = l.current(ctx, func(ctx context.Context, _ bool) (found, current bool, err error) {
		s = logState{}
		records, err = l.readRows(ctx, &s, after, limit)
		return s.id != 0, s.current, err
	})
	if err == nil {
		l.saw(s.bounds.Head())
	}
	return s, records, err
}

// readRows reads the rows of sqlLogRead. s.id is 0 then if there are none.
func (l *Log) readRows(
	ctx context.Context, s *logState, after eventlog.Position, limit eventlog.Limit,
) (records []eventlog.Record, err error) {
	fields, finish := s.fields()
	var sequence *int64
	var at *time.Time
	var data []byte
	fields = append(fields, &sequence, &at, &data)
	err = l.db.with(ctx, func(conn *pgxpool.Conn) error {
		rows, err := conn.Query(ctx, l.sql.read, l.hash, asSequence(after.Sequence), int64(after.Epoch),
			int64(max(limit.Records, 1)), int64(limit.Bytes))
		if err != nil {
			return err
		}
		_, err = pgx.ForEachRow(rows, fields, func() error {
			finish()
			if sequence != nil && at != nil {
				records = append(records, eventlog.Record{Sequence: uint64(*sequence), Time: *at, Data: data})
				data = nil // or the next row would be scanned into it
			}
			return nil
		})
		return err
	})
	return records, err
}

// sqlLogSeek searches by halves for the first record whose time is not before $2: times do not
// decrease, so no index by time is needed.
const sqlLogSeek = `
WITH RECURSIVE log AS MATERIALIZED (
	SELECT ` + stateColumns + ` FROM {{logs}} l WHERE hash = $1
), search (id, low, high) AS (
	SELECT id, first, last + 1 FROM log
	UNION ALL
	SELECT s.id, CASE WHEN r.time < $2 THEN m.middle + 1 ELSE s.low END,
		CASE WHEN r.time < $2 THEN s.high ELSE m.middle END
	FROM search s, LATERAL (SELECT (s.low + s.high) / 2 AS middle) m, LATERAL (
		SELECT time FROM {{records}} WHERE log = s.id AND sequence = m.middle
	) r WHERE s.low < s.high
) SELECT log.*, low FROM log JOIN search ON low = high`

// Seek implements [eventlog.Store].
func (l *Log) Seek(ctx context.Context, t time.Time) (p eventlog.Position, err error) {
	err = l.current(ctx, func(ctx context.Context, _ bool) (found, current bool, err error) {
		var s logState
		var next int64
		found, err = s.scan(inPool{l.db}.QueryRow(ctx, l.sql.seek, l.hash, seekTime(t)), &next)
		p = eventlog.Position{Epoch: s.bounds.Epoch, Sequence: uint64(next - 1)}
		return found, s.current, err
	})
	return p, err
}

// Times that all times of records lie between.
var (
	firstTime = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)
	lastTime  = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
)

// seekTime returns a time as the database represents it: within its range, and rounded up to
// microseconds, because the record that a time rounded down would find may be earlier.
func seekTime(t time.Time) time.Time {
	switch {
	case t.Before(firstTime):
		return firstTime
	case t.After(lastTime):
		return lastTime
	}
	if rounded := t.Truncate(time.Microsecond); rounded.Before(t) {
		return rounded.Add(time.Microsecond)
	}
	return t
}
