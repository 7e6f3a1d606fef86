package pgstore

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/grpcservice/grpcservice/runtime/idempotency"
)

// sqlIdempotencyFinish stores a response, if the claim with the fence has none.
const sqlIdempotencyFinish = `
UPDATE {{table}}
SET done = true, response = $3, bytes = $5,
	until = clock_timestamp() + $4::bigint * interval '1 microsecond'
WHERE key = $1 AND fence = $2 AND NOT done`

// sqlIdempotencyFinished reports whether the call with the fence has stored its response.
const sqlIdempotencyFinished = `
SELECT EXISTS (SELECT FROM {{table}} WHERE key = $1 AND fence = $2 AND done)`

// sqlIdempotencyRenew restarts the lease of the claim with the fence, unless a transaction has
// called FinishTx for it: that one has the lock $4 until it ends. Its first column is false then.
const sqlIdempotencyRenew = `
WITH lock AS MATERIALIZED (
	SELECT pg_try_advisory_xact_lock_shared($4) AS free
), renewed AS (
	UPDATE {{table}} SET until = now() + $3::bigint * interval '1 microsecond'
	FROM lock WHERE lock.free AND key = $1 AND fence = $2 AND NOT done
	RETURNING true AS done
)
SELECT lock.free, coalesce(renewed.done, false) FROM lock LEFT JOIN renewed ON true`

const sqlIdempotencyRelease = `DELETE FROM {{table}} WHERE key = $1 AND fence = $2 AND NOT done`

// Renew implements [idempotency.Store]. It does nothing while a transaction that has called
// FinishTx decides the outcome.
func (s *Idempotency) Renew(
	ctx context.Context, key idempotency.Key, fence idempotency.Fence, lease time.Duration,
) error {
	k := keyOf(key)
	var free, renewed bool
	err := s.db.do(ctx, func(ctx context.Context, _ bool) error {
		row := inPool{s.db}.QueryRow(ctx, s.sql.renew, k.key, fence[:], micros(lease), k.lock)
		return row.Scan(&free, &renewed)
	})
	if err == nil && free && !renewed {
		err = idempotency.ErrLost
	}
	return err
}

// Finish implements [idempotency.Store].
func (s *Idempotency) Finish(
	ctx context.Context, key idempotency.Key, fence idempotency.Fence, response []byte,
	window time.Duration,
) error {
	k, size := keyOf(key), entryBytes+len(response)
	if err := s.mayKeep(ctx, inPool{s.db}, k, size); err != nil {
		return err
	}
	done := false
	err := s.db.do(ctx, func(ctx context.Context, repeated bool) error {
		tag, err := s.db.exec(ctx, s.sql.finish,
			k.key, fence[:], stored(response), micros(window), int64(size))
		done = tag.RowsAffected() == 1
		if err == nil && !done && repeated { // an earlier attempt may have had its effect
			err = inPool{s.db}.QueryRow(ctx, s.sql.finished, k.key, fence[:]).Scan(&done)
		}
		return err
	})
	if err != nil {
		return err
	}
	if !done {
		return idempotency.ErrLost
	}
	s.shares.add(k.owner, -entryBytes, size)
	s.tidy(ctx, k.key)
	return nil
}

// mayKeep returns an error if there is no room for an entry with a response.
func (s *Idempotency) mayKeep(ctx context.Context, from counter, key entryKey, size int) error {
	if size > maxResponse {
		return s.full("a response", size)
	}
	may, err := s.shares.mayKeep(ctx, from, key.owner, entryBytes, size)
	if err == nil && !may {
		err = s.full("a response", size)
	}
	return err
}

// stored returns a response as an argument, which nil would make NULL.
func stored(response []byte) []byte {
	if response == nil {
		return []byte{}
	}
	return response
}

// FinishTx implements [idempotency.TxStore]. tx is a [pgx.Tx], also one that is nested. FinishTx
// takes two statements in one round trip. A transaction of an isolation above READ COMMITTED fails
// with a serialization failure if another call has taken the claim over since it began.
//
// If the connection is lost while tx is committed, the outcome is unknown to the caller, but not to
// a retry: it gets the response if tx was committed, and runs the method again otherwise. The claim
// is free again when the server has noticed that the connection is gone, which settings such as
// tcp_user_timeout and idle_in_transaction_session_timeout bound.
func (s *Idempotency) FinishTx(
	ctx context.Context, tx any, key idempotency.Key, fence idempotency.Fence, response []byte,
	window time.Duration,
) error {
	t, ok := tx.(pgx.Tx)
	if !ok || t == nil {
		return fmt.Errorf("%w: a %T; pass a pgx.Tx", idempotency.ErrNoTx, tx)
	}
	k, size := keyOf(key), entryBytes+len(response)
	if err := s.mayKeep(ctx, inTx{t}, k, size); err != nil {
		return err
	}
	batch := &pgx.Batch{}
	batch.Queue(`SELECT pg_advisory_xact_lock($1)`, k.lock) // keeps others from taking the claim over
	var done pgconn.CommandTag
	batch.Queue(s.sql.finish, k.key, fence[:], stored(response), micros(window), int64(size)).
		Exec(func(tag pgconn.CommandTag) error { done = tag; return nil })
	if err := t.SendBatch(ctx, batch).Close(); err != nil {
		return explained(err)
	}
	if done.RowsAffected() == 0 {
		return idempotency.ErrLost
	}
	s.shares.add(k.owner, -entryBytes, size) // the next count finds out if tx is rolled back
	return nil
}

// Release implements [idempotency.Store].
func (s *Idempotency) Release(
	ctx context.Context, key idempotency.Key, fence idempotency.Fence,
) error {
	k := keyOf(key)
	return s.db.do(ctx, func(ctx context.Context, _ bool) error {
		done, err := s.db.exec(ctx, s.sql.release, k.key, fence[:])
		if err == nil && done.RowsAffected() == 1 {
			s.shares.add(k.owner, -entryBytes, 0)
		}
		return err
	})
}
