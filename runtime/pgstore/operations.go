package pgstore

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/grpcservice/grpcservice/runtime/operation"
)

// Operations keeps operations in a table. It implements [operation.TxStore] with transactions of
// pgx, and [operation.Notifier]. It is safe for concurrent use.
//
// A call takes one round trip, except: two for the end of an operation with a conflict key, and one
// more for what is saved or ends while the table is more than half full ([WithMaxBytes]). Under load,
// starts without keys share transactions, and so do ends and renewals.
type Operations struct {
	db     *DB
	sql    operationsSQL
	shares *shares
	hints  *hints
	starts *grouper[[]any, time.Time]
	ends   *grouper[end, bool]
	renews *batcher[renewal, renewed]
	errs   error
}

// OperationsOption configures [DB.Operations].
type OperationsOption func(*Operations)

// DefaultMaxBytes is the default maximum size of the operations in a schema.
const DefaultMaxBytes = 16 << 30

// WithMaxBytes sets the maximum size of the operations in bytes, instead of [DefaultMaxBytes]: the
// contents of their records, and less than a kilobyte for each. All processes use the same value.
//
// As long as the table is smaller than half of it, with its indexes and with the space of rows that
// were removed, nothing is counted. After that, principals share it as [operation.Store] requires.
// Each process counts again after it has added a 64th, so that together they may exceed the maximum
// by as much for each process.
func WithMaxBytes(n int64) OperationsOption {
	return func(o *Operations) {
		if n <= 0 {
			o.errs = errors.Join(o.errs, fmt.Errorf("pgstore.WithMaxBytes(%d): pass a number above 0", n))
			return
		}
		o.shares.setLimit(int(n))
	}
}

// Operations returns the store of operations. Mistakes in the options are errors of its calls.
func (db *DB) Operations(opts ...OperationsOption) *Operations {
	o := &Operations{db: db, sql: newOperationsSQL(db)}
	o.shares = newShares(db, DefaultMaxBytes)
	o.starts = newGrouper(db, o.insertAll)
	o.ends = newGrouper(db, o.finishAll)
	o.renews = newBatcher(db, o.renewAll)
	o.hints = newHints(db, o.sql.seen)
	for _, opt := range opts {
		opt(o)
	}
	return o
}

// maxNameBytes is the maximum length of names, methods and principals, which are in indexes.
const maxNameBytes = 1000

// Longest payload of a row, far below what PostgreSQL can read again.
const maxPayloadBytes = 256 << 20

// checkRecord returns an error for an operation that the table cannot hold.
func checkRecord(r *operation.Record) error {
	for _, part := range []struct{ what, text string }{
		{"name", r.Name}, {"method", r.Method}, {"principal", r.Principal},
	} {
		if n := len(textOf(part.text)); n > maxNameBytes {
			return fmt.Errorf("pgstore: the %s of the operation has %d bytes; the maximum is %d", part.what, n, maxNameBytes)
		}
	}
	return nil
}

// hashOf returns a hash of texts for an index, or nil if the last one is empty.
func (o *Operations) hashOf(texts ...string) []byte {
	if texts[len(texts)-1] == "" {
		return nil
	}
	h := sha256.New()
	h.Write([]byte(o.db.schema))
	for _, text := range texts {
		var length [8]byte
		binary.BigEndian.PutUint64(length[:], uint64(len(text)))
		h.Write(length[:])
		h.Write([]byte(text))
	}
	return h.Sum(nil)
}

func (o *Operations) requestHash(r *operation.Record) []byte {
	return o.hashOf("request", r.Method, r.Principal, r.IdempotencyKey)
}

func (o *Operations) conflictHash(key string) []byte { return o.hashOf("conflict", key) }

// recordColumns are the columns of a record, in the order of scanRecord.
const recordColumns = `fence, saves, lease, timeout, retain,
	create_time, update_time, run_after, start_time, lease_until, cancel_time,
	delete_time, done_time, nullif(expire_time, 'infinity'), attempt, max_attempts, name, method, principal,
	idempotency_key, conflict_key, digest, scopes, carrier, request, metadata, response, status, checkpoint`

// recordRow is a row of recordColumns.
type recordRow struct {
	rec             operation.Record
	times           [9]pgtype.Timestamptz
	digest, carrier []byte
}

// targets returns where the columns are scanned to.
func (r *recordRow) targets() []any {
	rec := &r.rec
	to := make([]any, 0, 32)
	to = append(to, &rec.Fence, &rec.Saves,
		(*int64)(&rec.Lease), (*int64)(&rec.Timeout), (*int64)(&rec.Retain))
	for i := range r.times {
		to = append(to, &r.times[i])
	}
	return append(to, &rec.Attempt, &rec.MaxAttempts, &rec.Name, &rec.Method, &rec.Principal, &rec.IdempotencyKey,
		&rec.ConflictKey, &r.digest, &rec.Scopes, &r.carrier, &rec.Request, &rec.Metadata, &rec.Response,
		&rec.Status, &rec.Checkpoint)
}

// record returns the record of a scanned row.
func (r *recordRow) record() (*operation.Record, error) {
	rec := &r.rec
	for i, to := range []*time.Time{
		&rec.CreateTime, &rec.UpdateTime, &rec.RunAfter, &rec.StartTime, &rec.LeaseUntil,
		&rec.CancelTime, &rec.DeleteTime, &rec.DoneTime, &rec.ExpireTime,
	} {
		if r.times[i].Valid {
			*to = r.times[i].Time.UTC()
		}
	}
	for _, text := range []*string{&rec.Name, &rec.Method, &rec.Principal, &rec.IdempotencyKey, &rec.ConflictKey} {
		*text = stringOf(*text)
	}
	rec.Scopes = stringsOf(rec.Scopes)
	copy(rec.Digest[:], r.digest)
	if r.carrier != nil {
		if err := json.Unmarshal(r.carrier, &rec.Carrier); err != nil {
			return nil, fmt.Errorf("pgstore: the carrier of %s: %w", rec.Name, err)
		}
	}
	return rec, nil
}

// scanRecord scans a row of recordColumns, followed by extra ones.
func scanRecord(row pgx.Row, extra ...any) (*operation.Record, error) {
	var r recordRow
	if err := row.Scan(append(r.targets(), extra...)...); err != nil {
		return nil, err
	}
	return r.record()
}

// recordBytes is what a record counts for besides its payloads, about what its row and its index
// entries take.
const recordBytes = 256

// fixedBytes returns what a record counts for besides its payloads.
func fixedBytes(r *operation.Record) int {
	size := recordBytes + 2*len(r.Name) + len(r.Method) + 2*len(r.Principal) + len(r.IdempotencyKey) + len(r.ConflictKey)
	for _, scope := range r.Scopes {
		size += len(scope) + 4
	}
	for key, value := range r.Carrier {
		size += len(key) + len(value) + 8
	}
	return size
}

// pinnedBytes returns what an operation that is not done counts for: with the shortest status of
// its end.
func pinnedBytes(r *operation.Record) int {
	return fixedBytes(r) + r.Bytes() + operation.ReservedStatusBytes
}

// full returns the error for something that the store has no room for.
func (o *Operations) full(what string, bytes int) error {
	return fmt.Errorf("%w: %s of %d bytes beside %s", operation.ErrFull, what, bytes, o.shares)
}
