package pgstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// ErrOutcomeUnknown is the error of a call whose connection was lost, or whose context ended, after
// its statement was sent, when the database could not be asked afterwards: the change may have been
// committed or not. Repeat the call, or read what it would have changed.
var ErrOutcomeUnknown = errors.New("the outcome is unknown, because the connection to the database was lost; " +
	"read the state before repeating the change")

// errReadOnly reports a standby, or a database that has been made read-only.
var errReadOnly = errors.New("the database is read-only; connect to the primary, " +
	"with target_session_attrs=read-write in the URL if it has several hosts")

// SQLSTATEs that are handled.
const (
	codeSerialization    = "40001"
	codeDeadlock         = "40P01"
	codeReadOnly         = "25006"
	codeUniqueViolation  = "23505"
	codeMissingTable     = "42P01"
	codeMissingSchema    = "3F000"
	codeLockNotAvailable = "55P03"
)

// sqlState returns the SQLSTATE of an error of the database, or "".
func sqlState(err error) string {
	if pg := (*pgconn.PgError)(nil); errors.As(err, &pg) {
		return pg.Code
	}
	return ""
}

// explained adds what to do to an error of the database.
func explained(err error) error {
	switch code := sqlState(err); {
	case code == codeReadOnly:
		return fmt.Errorf("%w: %w", errReadOnly, err)
	case code == codeMissingTable:
		return fmt.Errorf("%w; run pgstore.Migrate with the same schema", err)
	}
	return err
}

// lost reports whether the connection was lost, could not be made, or the server is restarting,
// rather than that the server has rejected a statement.
func lost(err error) bool {
	if code := sqlState(err); len(code) == 5 { // 08: connection; 57P: shutdown, crash, starting up
		return code[:2] == "08" || code[:3] == "57P"
	}
	var network net.Error
	var connect *pgconn.ConnectError
	return errors.As(err, &network) || errors.As(err, &connect) || errors.Is(err, io.EOF) ||
		errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, pgconn.ErrConnClosed) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, errNoConnection) || errors.Is(err, errNotConnected) ||
		errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// again reports whether the same statement may succeed at once, and has had no effect.
func again(err error) bool {
	code := sqlState(err)
	return code == codeSerialization || code == codeDeadlock
}

// Attempts of a statement, and the pauses between them: a database that restarts is back after
// some seconds, and callers with a deadline retry themselves.
const (
	maxAttempts  = 6
	firstPause   = 20 * time.Millisecond
	longestPause = time.Second
)

// do calls f until it succeeds or its error is permanent, a few times at most. repeated is true if
// an earlier call may have had its effect although it failed. If the last such call fails too, the
// error is [ErrOutcomeUnknown].
func (db *DB) do(ctx context.Context, f func(ctx context.Context, repeated bool) error) error {
	unknown, pause := false, firstPause
	for attempt := 1; ; attempt++ {
		err := f(ctx, unknown)
		if err == nil || !again(err) && !lost(err) {
			return explained(err)
		}
		if lost(err) && !neverSent(err) {
			unknown = true
		}
		if attempt == maxAttempts || !sleep(ctx, pause/2+rand.N(pause)) {
			return db.failed(ctx, err, unknown)
		}
		pause = min(4*pause, longestPause)
	}
}

// failed returns the error of a call that is not repeated any more.
func (db *DB) failed(ctx context.Context, err error, unknown bool) error {
	if unknown {
		return fmt.Errorf("%w: %w", ErrOutcomeUnknown, err)
	}
	if errors.Is(err, errNoConnection) {
		return fmt.Errorf("%w; all %d of the pool are in use: raise pool_max_conns, or shorten transactions",
			err, db.pool.Config().MaxConns)
	}
	return explained(err)
}

// sleep waits. It returns false if ctx ends first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// errNoConnection is the error of a call whose context has ended before a connection was free.
var errNoConnection = errors.New("no connection of the pool was free in time")

// conn returns a connection of the pool, which the caller releases.
func (db *DB) conn(ctx context.Context) (*pgxpool.Conn, error) {
	conn, err := db.pool.Acquire(ctx)
	if err == nil {
		return conn, nil
	}
	if stat := db.pool.Stat(); ctx.Err() != nil && stat.AcquiredConns() >= stat.MaxConns() {
		return nil, fmt.Errorf("%w: %w", errNoConnection, err)
	}
	return nil, fmt.Errorf("%w: %w", errNotConnected, err)
}

// errNotConnected is the error of a call that has got no connection to the database.
var errNotConnected = errors.New("the database cannot be reached")

// neverSent reports whether a statement has not reached the server.
func neverSent(err error) bool {
	return pgconn.SafeToRetry(err) || errors.Is(err, errNoConnection) || errors.Is(err, errNotConnected)
}
