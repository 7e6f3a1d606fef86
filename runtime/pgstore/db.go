package pgstore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
	"github.com/jackc/pgx/v5/pgxpool"
)

// DB is a database with the tables of this package. It is safe for concurrent use.
type DB struct {
	pool     *pgxpool.Pool
	schema   string
	logger   *slog.Logger
	listener *listener

	ctx  context.Context // ends with Close
	stop context.CancelFunc
	mu   sync.Mutex // keeps work from starting after Close
	work sync.WaitGroup
}

// Open returns the tables in the database of pool, which the caller closes after [DB.Close]. It
// returns an error if the tables are missing, or of another version than this package: deploy the
// version that has run [Migrate], or run Migrate. It also returns an error if the database is
// read-only, as a standby is.
func Open(ctx context.Context, pool *pgxpool.Pool, opts ...Option) (*DB, error) {
	c, err := newConfig(opts)
	if err != nil {
		return nil, err
	}
	if pool == nil {
		return nil, errors.New("pgstore.Open: the pool is nil; pass one, of pgxpool.New")
	}
	if err := checkWritable(ctx, pool); err != nil {
		return nil, err
	}
	if err := checkVersion(ctx, pool, c.schema); err != nil {
		return nil, err
	}
	db := &DB{pool: pool, schema: c.schema, logger: c.logger}
	db.ctx, db.stop = context.WithCancel(context.Background())
	db.listener = newListener(func(ctx context.Context) (*pgx.Conn, error) {
		return db.connect(ctx, db.listenerName())
	}, c.logger)
	return db, nil
}

// Close closes the connection for notifications and waits for the goroutines of db. Close what
// uses db first.
func (db *DB) Close() {
	db.mu.Lock()
	db.stop()
	db.mu.Unlock()
	db.work.Wait()
	db.listener.close()
}

// start runs f in a goroutine that Close waits for, unless db is closed. The context of f ends with
// Close.
func (db *DB) start(f func(ctx context.Context)) (started bool) {
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.ctx.Err() != nil {
		return false
	}
	db.work.Go(func() { f(db.ctx) })
	return true
}

// table returns the quoted name of a table of this package.
func (db *DB) table(name string) string { return pgx.Identifier{db.schema, name}.Sanitize() }

// channel returns the name of the NOTIFY channel for a concept, of at most 20 bytes.
func (db *DB) channel(concept string) string { return db.schema + "." + concept }

// listen returns a channel that is closed at the next notification for a concept, of at most 20
// bytes: a hint, which also comes when notifications may have been missed. It comes once when the
// process starts to listen to the concept.
func (db *DB) listen(concept string) <-chan struct{} {
	return db.listener.next(db.channel(concept))
}

// listenerName is the application_name of the connections for notifications, by which processes
// count each other.
func (db *DB) listenerName() string { return "grpcservice " + db.schema }

// countsName is the application_name of the connections that count what tables hold.
func (db *DB) countsName() string { return "grpcservice counts " + db.schema }

// connect returns a connection besides those of the pool, with the same configuration and an
// application_name.
func (db *DB) connect(ctx context.Context, name string) (*pgx.Conn, error) {
	config := db.pool.Config()
	// The listener ends a wait by its context, and keeps the connection.
	config.ConnConfig.BuildContextWatcherHandler = func(conn *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.DeadlineContextWatcherHandler{Conn: conn.Conn()}
	}
	config.ConnConfig.RuntimeParams["application_name"] = name
	if config.BeforeConnect != nil {
		if err := config.BeforeConnect(ctx, config.ConnConfig); err != nil {
			return nil, err
		}
	}
	conn, err := pgx.ConnectConfig(ctx, config.ConnConfig)
	if err != nil {
		return nil, err
	}
	if config.AfterConnect != nil {
		if err := config.AfterConnect(ctx, conn); err != nil {
			conn.Close(ctx)
			return nil, err
		}
	}
	return conn, nil
}

// checkWritable returns an error if the database is read-only.
func checkWritable(ctx context.Context, pool *pgxpool.Pool) error {
	var readOnly bool
	const sql = `SELECT current_setting('transaction_read_only')::bool OR pg_is_in_recovery()`
	if err := pool.QueryRow(ctx, sql).Scan(&readOnly); err != nil {
		return fmt.Errorf("pgstore.Open: %w", explained(err))
	}
	if readOnly {
		return fmt.Errorf("pgstore.Open: %w", errReadOnly)
	}
	return nil
}
