package pgstore

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/grpcservice/grpcservice/runtime/eventlog"
)

// Defaults of [DB.Log].
const (
	// DefaultLogMaxBytes is the default of [WithLogMaxBytes].
	DefaultLogMaxBytes = 1 << 30
	// DefaultLogMaxRecords is the default of [WithLogMaxRecords].
	DefaultLogMaxRecords = 10_000_000
)

const (
	// logRecordBytes is what a record counts besides its data: the row and its index.
	logRecordBytes = 96
	// maxAppend bounds the data of one append, which is one parameter of a statement.
	maxAppend = 256 << 20
)

// LogOption configures [DB.Log].
type LogOption func(*Log)

// WithLogMaxBytes bounds the size of a log, instead of [DefaultLogMaxBytes]. Each record counts its
// data and 96 bytes. The oldest records are trimmed, at the latest when they exceed the limit by a
// 64th.
func WithLogMaxBytes(n int64) LogOption { return func(l *Log) { l.maxBytes = max(n, 1) } }

// WithLogMaxRecords bounds the number of records, instead of [DefaultLogMaxRecords], in the same
// way.
func WithLogMaxRecords(n int64) LogOption { return func(l *Log) { l.maxRecords = max(n, 1) } }

// WithLogMaxAge trims records that are older than d, by the clock of the database. It happens when
// a process appends, reads or asks for bounds, and at most once in a 64th of d. Without it, or if d
// is 0, records have no age limit.
func WithLogMaxAge(d time.Duration) LogOption { return func(l *Log) { l.maxAge = max(d, 0) } }

// Log is an [eventlog.SizedStore]: a log that all processes with the database share.
//
// An append locks the row of the log until it is committed, so records are numbered in the order
// of commits: a reader that has seen a record has seen, or can read, all before it, and no number
// is missing or used twice. Append is one statement. Calls of one process that wait for another append
// are joined and appended together. [Log.AppendTx] appends in a transaction of the caller, which
// holds the lock until it ends.
//
// Each append notifies the channel of the log. [Log.Watch] listens to it, on the connection that
// all logs of the DB share; a subscriber that waits sends no query.
//
// The epoch of a log belongs to the database, its timeline and the table. Restoring a dump, or a
// backup to a point in time, and promoting a standby make another one: positions from before are
// [eventlog.ErrUnknown], because the records after them may be others. docs/subscriptions.md lists
// what cannot be detected.
//
// The methods may be called concurrently.
type Log struct {
	db                   *DB
	name                 string
	hash                 []byte
	concept              string // of notifications
	maxBytes, maxRecords int64
	maxAge               time.Duration
	sql                  logSQL

	flights flights
	known   atomic.Pointer[eventlog.Position] // the last head that this process has seen
	trim    trimming
}

// trimming is what a process knows of the removal of records.
type trimming struct {
	mu    sync.Mutex                        // held by the call that trims
	swept atomic.Pointer[eventlog.Position] // records up to this one are deleted; nil if unknown
	aged  atomic.Int64                      // when records were last trimmed by age, in nanoseconds
}

var (
	_ eventlog.SizedStore = (*Log)(nil)
	_ eventlog.TxStore    = (*Log)(nil)
)

// Log returns the log with a name, which may be any text. A log is created when it is first used,
// in the schema of db. It stays there until its row in the table logs, and its records, are
// deleted.
func (db *DB) Log(name string, opts ...LogOption) *Log {
	hash := sha256.Sum256([]byte(name))
	l := &Log{
		db: db, name: name, hash: hash[:], concept: "log." + hex.EncodeToString(hash[:8]),
		maxBytes: DefaultLogMaxBytes, maxRecords: DefaultLogMaxRecords,
	}
	for _, opt := range opts {
		opt(l)
	}
	l.sql = newLogSQL(db)
	return l
}

// logSQL is the statements of logs.
type logSQL struct {
	create, renew, state, read, seek, append, lock, appended, repeated, trim, shrink, oldest, sweep string
}

func newLogSQL(db *DB) logSQL {
	in := strings.NewReplacer(
		"{{logs}}", db.table("logs"), "{{records}}", db.table("log_records"),
		"{{incarnation}}", strings.ReplaceAll(sqlIncarnation, "{{logs}}", db.table("logs")),
	).Replace
	return logSQL{
		create: in(sqlLogCreate), renew: in(sqlLogRenew), state: in(sqlLogState),
		read: in(sqlLogRead), seek: in(sqlLogSeek),
		append: in(sqlLogAppend), lock: in(sqlLogLock), appended: in(sqlLogAppended), repeated: in(sqlLogRepeated),
		trim: in(sqlLogTrim), shrink: in(sqlLogShrink), oldest: in(sqlLogOldest), sweep: in(sqlLogSweep),
	}
}

// sqlIncarnation identifies what the epoch of a log belongs to: the cluster, the history of its
// write-ahead log, the database and the table. A standby has that of its primary, which its log
// row holds.
const sqlIncarnation = `(SELECT CASE WHEN pg_is_in_recovery() THEN NULL ELSE concat_ws('/',
	(SELECT system_identifier FROM pg_control_system()),
	left(pg_walfile_name(pg_current_wal_lsn()), 8),
	(SELECT oid FROM pg_database WHERE datname = current_database()),
	'{{logs}}'::regclass::oid) END)`

// sqlLogCreate creates a log, unless it exists.
const sqlLogCreate = `
INSERT INTO {{logs}} (hash, name, epoch, incarnation)
SELECT $1, $2, $3, {{incarnation}} ON CONFLICT (hash) DO NOTHING`

// sqlLogRenew gives a log another epoch if its own belongs to another incarnation.
const sqlLogRenew = `
WITH renewed AS (
	UPDATE {{logs}} SET epoch = $2, incarnation = {{incarnation}}
	WHERE hash = $1 AND incarnation <> {{incarnation}} RETURNING true
) SELECT pg_notify($3, '') FROM renewed`

// logState is the row of a log.
type logState struct {
	id      int64
	current bool // the epoch belongs to this database
	bounds  eventlog.Bounds
	bytes   int64 // of the data that is left
}

// size returns the size of the records that are left.
func (s logState) size() int64 { return s.bytes + logRecordBytes*s.records() }

func (s logState) records() int64 { return int64(s.bounds.Last + 1 - s.bounds.First) }

// logColumns are the columns of a logState, of a row l whose epoch is current or not.
const logColumns = `l.id, l.epoch, l.first, l.last, l.appended - l.trimmed`

const stateColumns = logColumns + `, coalesce(l.incarnation = {{incarnation}}, true)`

// scan reads a row of stateColumns, and what follows them. It reports whether there is one.
func (s *logState) scan(row pgx.Row, more ...any) (found bool, err error) {
	fields, finish := s.fields()
	err = row.Scan(append(fields, more...)...)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	finish()
	return err == nil, err
}

// fields returns what stateColumns are scanned into; finish sets the bounds from them.
func (s *logState) fields() (fields []any, finish func()) {
	var epoch, first, last int64
	return []any{&s.id, &epoch, &first, &last, &s.bytes, &s.current}, func() {
		s.bounds = eventlog.Bounds{Epoch: uint64(epoch), First: uint64(first), Last: uint64(last)}
	}
}

const sqlLogState = `SELECT ` + stateColumns + ` FROM {{logs}} l WHERE hash = $1`

// state returns the row of the log.
func (l *Log) state(ctx context.Context) (s logState, err error) {
	err = l.current(ctx, func(ctx context.Context, _ bool) (found, current bool, err error) {
		found, err = s.scan(inPool{l.db}.QueryRow(ctx, l.sql.state, l.hash))
		return found, s.current, err
	})
	if err == nil {
		l.saw(s.bounds.Head())
	}
	return s, err
}

// saw notes a head of the log.
func (l *Log) saw(head eventlog.Position) {
	for {
		known := l.known.Load()
		if known != nil && known.Epoch == head.Epoch && known.Sequence >= head.Sequence ||
			l.known.CompareAndSwap(known, &head) {
			return
		}
	}
}

// current calls f, which reports whether it has found the row of the log, and whether its epoch is
// the current one. It makes both true and calls f again if they are not.
func (l *Log) current(
	ctx context.Context, f func(ctx context.Context, repeated bool) (found, current bool, err error),
) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	for range 10 {
		var found, current bool
		err := l.db.do(ctx, func(ctx context.Context, repeated bool) (err error) {
			found, current, err = f(ctx, repeated)
			return err
		})
		switch {
		case err != nil:
			return err
		case !found:
			err = l.create(ctx)
		case !current:
			err = l.renew(ctx)
		default:
			return nil
		}
		if err != nil {
			return err
		}
	}
	return fmt.Errorf("pgstore: the log %q is deleted, or changes its epoch, all the time", l.name)
}

func (l *Log) create(ctx context.Context) error {
	return l.db.do(ctx, func(ctx context.Context, _ bool) error {
		_, err := l.db.exec(ctx, l.sql.create, l.hash, []byte(l.name), newEpoch())
		return err
	})
}

func (l *Log) renew(ctx context.Context) error {
	return l.db.do(ctx, func(ctx context.Context, _ bool) error {
		_, err := l.db.exec(ctx, l.sql.renew, l.hash, newEpoch(), l.channel())
		return err
	})
}

// newEpoch returns the bits of a random number other than 0.
func newEpoch() int64 {
	var b [8]byte
	rand.Read(b[:]) // never fails: see crypto/rand
	return int64(max(binary.BigEndian.Uint64(b[:]), 1))
}

func (l *Log) channel() string { return l.db.channel(l.concept) }

// Watch implements [eventlog.Store]. The channel is also closed when notifications may have been
// missed, because the connection was lost.
func (l *Log) Watch() <-chan struct{} { return l.db.listen(l.concept) }

// Bounds implements [eventlog.Store].
func (l *Log) Bounds(ctx context.Context) (eventlog.Bounds, error) {
	s, err := l.state(ctx)
	if err != nil {
		return eventlog.Bounds{}, err
	}
	if l.tidy(ctx, s) {
		s, err = l.state(ctx)
	}
	return s.bounds, err
}

// Size implements [eventlog.SizedStore], as [WithLogMaxBytes] counts.
func (l *Log) Size(ctx context.Context) (int64, error) {
	s, err := l.state(ctx)
	return s.size(), err
}

// asSequence returns a number as the table holds it.
func asSequence(n uint64) int64 { return int64(min(n, math.MaxInt64)) }
