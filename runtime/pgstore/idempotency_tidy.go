package pgstore

import (
	"context"

	"github.com/jackc/pgx/v5"
)

const (
	// sweepEvery is how many calls of this process are between two sweeps.
	sweepEvery = 16
	// sweepBytes bounds what a sweep deletes besides 256 entries.
	sweepBytes = 4 << 20
	// evictions bounds the statements of one call that make room.
	evictions = 16
)

// sqlIdempotencySweep deletes some entries that are over. A claim stays for an hour after its
// lease, because its call may still finish.
const sqlIdempotencySweep = `
WITH over AS MATERIALIZED (
	SELECT key, bytes, until FROM {{table}}
	WHERE until <= now() AND (done OR until <= now() - interval '1 hour')
	ORDER BY until LIMIT 256 FOR UPDATE SKIP LOCKED
)` + deleteUpTo

// sqlIdempotencyEvictOver deletes entries that are over to make room.
const sqlIdempotencyEvictOver = `
WITH over AS MATERIALIZED (
	SELECT key, bytes, until FROM {{table}} WHERE until <= now()
	ORDER BY until LIMIT 256 FOR UPDATE SKIP LOCKED
)` + deleteUpTo

// sqlIdempotencyEvict deletes those responses of the principal $3 whose windows end first, except
// for the entry $2.
const sqlIdempotencyEvict = `
WITH over AS MATERIALIZED (
	SELECT key, bytes, until FROM {{table}} WHERE owner = $3 AND done AND key <> $2
	ORDER BY until LIMIT 64 FOR UPDATE SKIP LOCKED
)` + deleteUpTo

// sqlIdempotencyEvictAny deletes those responses whose windows end first, except for the entry $2.
const sqlIdempotencyEvictAny = `
WITH over AS MATERIALIZED (
	SELECT key, bytes, until FROM {{table}} WHERE done AND key <> $2
	ORDER BY until LIMIT 64 FOR UPDATE SKIP LOCKED
)` + deleteUpTo

// deleteUpTo deletes entries until they have $1 bytes, and returns their principals and bytes.
const deleteUpTo = `, gone AS (
	DELETE FROM {{table}} e USING (
		SELECT key, sum(bytes) OVER (ORDER BY until, key) - bytes AS before FROM over
	) o WHERE o.before < $1 AND e.key = o.key
	RETURNING e.owner, e.bytes
) SELECT owner, sum(bytes)::bigint FROM gone GROUP BY owner`

// tidy deletes entries, after a call with a key has had its effect: its errors are not those of the
// call, and what it leaves is deleted after another one.
func (s *Idempotency) tidy(ctx context.Context, key []byte) {
	if s.calls.Add(1)%sweepEvery == 0 {
		if deleted, err := s.deleted(ctx, s.sql.sweep, sweepBytes); err == nil {
			s.shares.removed(deleted)
		}
	}
	for range evictions {
		if !s.evict(ctx, key) {
			return
		}
	}
}

// evict makes room, if the entries exceed the limit. It reports whether they still may. A response
// that was just stored stays even if its principal has no other: it has been found to be small
// enough.
func (s *Idempotency) evict(ctx context.Context, stored []byte) bool {
	excess, over, largest := s.shares.excess()
	switch {
	case excess <= 0:
		return false
	case over > 0:
		deleted, err := s.deleted(ctx, s.sql.evictOver, int64(min(excess, over)))
		if err == nil && len(deleted) == 0 { // other processes have deleted them
			deleted = []gone{{bytes: over}}
		}
		s.shares.removed(deleted)
		return err == nil
	case largest == nil:
		return false
	}
	deleted, err := s.deleted(ctx, s.sql.evict, int64(excess), stored, largest)
	if err == nil && len(deleted) == 0 {
		deleted, err = s.deleted(ctx, s.sql.evictAny, int64(excess), stored)
	}
	if err != nil || len(deleted) == 0 {
		s.shares.stale()
		return false
	}
	for _, g := range deleted {
		s.shares.add(g.owner, 0, -g.bytes)
	}
	return true
}

// gone is what was deleted of a principal.
type gone struct {
	owner []byte
	bytes int
}

// deleted runs a statement that returns what it has deleted.
func (s *Idempotency) deleted(ctx context.Context, sql string, args ...any) ([]gone, error) {
	return rows(ctx, s.db, func(row pgx.CollectableRow) (g gone, err error) {
		err = row.Scan(&g.owner, &g.bytes)
		return g, err
	}, sql, args...)
}
