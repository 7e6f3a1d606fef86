package pgstore

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/grpcservice/grpcservice/runtime/idempotency"
)

// DefaultIdempotencyMaxBytes is the default of [WithIdempotencyMaxBytes].
const DefaultIdempotencyMaxBytes = 256 << 20

// IdempotencyOption configures [DB.Idempotency].
type IdempotencyOption func(*Idempotency)

// WithIdempotencyMaxBytes sets the maximum size of all entries, instead of
// [DefaultIdempotencyMaxBytes]. An entry counts its response and 512 bytes. All replicas should
// have the same limit.
//
// Principals share the bytes as [idempotency.Store] requires. Each process counts what it adds
// itself, and learns from the database what others have added when it has added a 64th of the
// limit, and every 10 seconds. So replicas together may exceed a limit by a 64th each.
func WithIdempotencyMaxBytes(n int) IdempotencyOption {
	return func(s *Idempotency) { s.maxBytes = max(n, 0) }
}

// Idempotency is an [idempotency.TxStore]. Its transactions are [pgx.Tx] of any connection to the
// database: the effect of a method and its response are committed together, or not at all.
//
// It stores hashes of principals, methods and keys, so they may be any bytes of any length. Leases
// and windows end by the clock of the database.
//
// Begin, Renew, Finish and Release are one statement each, which takes a connection of the pool for
// as long as it runs; FinishTx uses that of the transaction alone. They repeat a statement that the
// database rolled back because of another transaction, or whose connection was lost, for some
// seconds and within the deadline.
//
// Entries that are over are deleted by later calls, some at a time. Its methods may be called
// concurrently.
type Idempotency struct {
	db       *DB
	maxBytes int
	shares   keyShares
	calls    atomic.Int64
	sql      idempotencySQL
}

var _ idempotency.TxStore = (*Idempotency)(nil)

// Idempotency returns the store of responses by idempotency key, for [idempotency.New].
func (db *DB) Idempotency(opts ...IdempotencyOption) *Idempotency {
	s := &Idempotency{db: db, maxBytes: DefaultIdempotencyMaxBytes}
	for _, opt := range opts {
		opt(s)
	}
	s.sql = newIdempotencySQL(db)
	s.shares.limit, s.shares.sql = s.maxBytes, s.sql.shares
	return s
}

// idempotencySQL is the statements of Idempotency.
type idempotencySQL struct {
	begin, takeOver, renew, finish, finished, release, sweep, evictOver, evict, evictAny, shares string
}

func newIdempotencySQL(db *DB) idempotencySQL {
	in := strings.NewReplacer("{{table}}", db.table("idempotency")).Replace
	return idempotencySQL{
		begin: in(sqlIdempotencyBegin), takeOver: in(sqlIdempotencyTakeOver),
		renew:  in(sqlIdempotencyRenew),
		finish: in(sqlIdempotencyFinish), finished: in(sqlIdempotencyFinished),
		release: in(sqlIdempotencyRelease), sweep: in(sqlIdempotencySweep),
		evictOver: in(sqlIdempotencyEvictOver), evict: in(sqlIdempotencyEvict),
		evictAny: in(sqlIdempotencyEvictAny), shares: in(sqlIdempotencyShares),
	}
}

const (
	// entryBytes is what an entry counts besides its response: the row, its three indexes, and the
	// version of it that an update leaves until the next vacuum.
	entryBytes = 512
	// maxResponse is less than a value of PostgreSQL may take.
	maxResponse = 512 << 20
)

// entryKey is a key as the table holds it.
type entryKey struct {
	key, owner []byte
	lock       int64 // identifies the advisory lock of the key
}

func keyOf(k idempotency.Key) entryKey {
	h := sha256.New()
	var size [8]byte
	for _, text := range []string{k.Principal, k.Method, k.IdempotencyKey} {
		binary.BigEndian.PutUint64(size[:], uint64(len(text)))
		h.Write(size[:])
		h.Write([]byte(text))
	}
	owner := sha256.Sum256([]byte(k.Principal))
	key := h.Sum(nil)
	return entryKey{key: key, owner: owner[:], lock: int64(binary.BigEndian.Uint64(key))}
}

// sqlIdempotencyBegin makes a claim if the key has no entry and $7 is true, and returns the entry
// that it had, or that of the claim. It returns no row if there was none, and $7 is false or
// another claim was made at the same time. It does not wait for a transaction that has the entry.
const sqlIdempotencyBegin = `
WITH held AS MATERIALIZED (
	SELECT digest, fence, done, response, until > now() AS holds FROM {{table}} WHERE key = $1
), made AS (
	INSERT INTO {{table}} (key, owner, digest, fence, until, bytes)
	SELECT $1, $2, $3, $4, now() + $5::bigint * interval '1 microsecond', $6
	WHERE $7 AND NOT EXISTS (SELECT FROM held)
	ON CONFLICT (key) DO NOTHING
	RETURNING digest, fence
)
SELECT digest, fence, done, response, holds, false AS made FROM held
UNION ALL
SELECT digest, fence, false, NULL, true, true FROM made`

// sqlIdempotencyTakeOver makes a claim of a key whose entry is over, unless a transaction has
// called FinishTx for it: that one has the lock $6 until it ends. Its first column is false then.
const sqlIdempotencyTakeOver = `
WITH lock AS MATERIALIZED (
	SELECT pg_try_advisory_xact_lock_shared($6) AS free
), old AS (
	SELECT e.key FROM {{table}} e, lock WHERE lock.free AND e.key = $1 AND e.until <= now()
	FOR UPDATE OF e
), taken AS (
	UPDATE {{table}} e
	SET digest = $2, fence = $3, until = now() + $4::bigint * interval '1 microsecond', bytes = $5,
		done = false, response = NULL
	FROM old WHERE e.key = old.key
	RETURNING true AS made
)
SELECT lock.free, coalesce(taken.made, false) FROM lock LEFT JOIN taken ON true`

// Begin implements [idempotency.Store].
func (s *Idempotency) Begin(
	ctx context.Context, claim idempotency.Claim,
) (idempotency.Entry, error) {
	key := keyOf(claim.Key)
	may, err := s.shares.mayStart(ctx, inPool{s.db}, key.owner, entryBytes)
	if err != nil {
		return idempotency.Entry{}, err
	}
	var got begun
	err = s.db.do(ctx, func(ctx context.Context, _ bool) (err error) {
		got, err = s.begin(ctx, key, claim, may)
		return err
	})
	if err == nil {
		err = got.rejected
	}
	if err != nil {
		return idempotency.Entry{}, err
	}
	if got.made {
		s.shares.add(key.owner, entryBytes, 0)
	}
	s.tidy(ctx, key.key)
	return got.entry, nil
}

// begun is what a claim has come to.
type begun struct {
	entry    idempotency.Entry
	holds    bool  // the entry keeps others from making claims
	made     bool  // the entry is a new one of the claim
	rejected error // there is no entry
}

// errContended is the error of a key whose entry changed each time that it was read.
var errContended = errors.New("pgstore: the entry of the idempotency key " +
	"changes all the time; retry")

// begin makes a claim or returns the entry of another one.
func (s *Idempotency) begin(
	ctx context.Context, key entryKey, claim idempotency.Claim, may bool,
) (begun, error) {
	for range 100 {
		got, err := s.beginOnce(ctx, key, claim, may)
		missing := errors.Is(err, pgx.ErrNoRows)
		switch {
		case !may && (missing || err == nil && !got.holds):
			return begun{rejected: s.full("a call", entryBytes)}, nil
		case missing: // another claim was made at the same time
			continue
		case err != nil || got.holds:
			return got, err
		}
		free, made, err := s.takeOver(ctx, key, claim)
		switch {
		case err != nil:
			return begun{}, err
		case !free: // a transaction decides what becomes of it
			got.entry.Done, got.entry.Response = false, nil
			return got, nil
		case made:
			got.entry = idempotency.Entry{Digest: claim.Digest, Fence: claim.Fence}
			got.made = true
			return got, nil
		}
	}
	return begun{rejected: errContended}, nil
}

// beginOnce returns the entry of a key, which may be the claim's own, or [pgx.ErrNoRows].
func (s *Idempotency) beginOnce(
	ctx context.Context, key entryKey, claim idempotency.Claim, may bool,
) (got begun, err error) {
	var digest, fence []byte
	err = inPool{s.db}.QueryRow(ctx, s.sql.begin,
		key.key, key.owner, claim.Digest[:], claim.Fence[:], micros(claim.Lease), int64(entryBytes), may,
	).Scan(&digest, &fence, &got.entry.Done, &got.entry.Response, &got.holds, &got.made)
	copy(got.entry.Digest[:], digest)
	copy(got.entry.Fence[:], fence)
	return got, err
}

// takeOver makes a claim of a key whose entry is over, unless a transaction has it.
func (s *Idempotency) takeOver(
	ctx context.Context, key entryKey, claim idempotency.Claim,
) (free, made bool, err error) {
	err = inPool{s.db}.QueryRow(ctx, s.sql.takeOver,
		key.key, claim.Digest[:], claim.Fence[:], micros(claim.Lease), int64(entryBytes), key.lock,
	).Scan(&free, &made)
	return free, made, err
}

// micros returns a duration in microseconds, rounded up.
func micros(d time.Duration) int64 { return int64((d + time.Microsecond - 1) / time.Microsecond) }

// full returns the error for something that the store has no room for.
func (s *Idempotency) full(what string, bytes int) error {
	return fmt.Errorf("%w: %s of %d bytes in a store of %d; raise pgstore.WithIdempotencyMaxBytes",
		idempotency.ErrFull, what, bytes, s.maxBytes)
}
