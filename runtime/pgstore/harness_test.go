package pgstore_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/grpcservice/grpcservice/internal/pgtest"
	"github.com/grpcservice/grpcservice/runtime/pgstore"
)

// shared is the server of all tests that do not kill theirs.
var shared struct {
	start  sync.Once
	server *pgtest.Server
	err    error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if shared.server != nil {
		shared.server.Close()
	}
	os.Exit(code)
}

// url returns the URL of a database on the shared server. Each test uses a schema of its own in it.
func url(tb testing.TB) string {
	tb.Helper()
	shared.start.Do(func() {
		shared.server, shared.err = pgtest.Run(context.Background(), pgtest.WithSettings("max_connections=400"))
	})
	switch {
	case errors.Is(shared.err, pgtest.ErrNotInstalled) && os.Getenv("CI") != "true":
		tb.Skip(shared.err)
	case shared.err != nil:
		tb.Fatal(shared.err)
	}
	return shared.server.URL()
}

// newPool returns a pool of connections to a database, with parameters such as "pool_max_conns=2".
func newPool(tb testing.TB, url string, parameters ...string) *pgxpool.Pool {
	tb.Helper()
	config, err := pgxpool.ParseConfig(strings.Join(append([]string{url}, parameters...), "&"))
	if err != nil {
		tb.Fatal(err)
	}
	pool, err := pgxpool.NewWithConfig(context.Background(), config)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(pool.Close)
	return pool
}

var schemas atomic.Int64

// newSchema returns an option for a schema that no other test uses, with the tables in it.
func newSchema(tb testing.TB, pool *pgxpool.Pool) pgstore.Option {
	tb.Helper()
	schema := pgstore.WithSchema(fmt.Sprintf("test%d", schemas.Add(1)))
	must(tb, pgstore.Migrate(context.Background(), pool, schema))
	return schema
}

// newestSchema returns the name of the schema that newSchema has made last.
func newestSchema() string { return fmt.Sprintf("test%d", schemas.Load()) }

// open opens the tables of a schema.
func open(tb testing.TB, pool *pgxpool.Pool, opts ...pgstore.Option) *pgstore.DB {
	tb.Helper()
	opts = append(opts, pgstore.WithLogger(slog.New(slog.DiscardHandler)))
	db, err := pgstore.Open(context.Background(), pool, opts...)
	must(tb, err)
	tb.Cleanup(db.Close)
	return db
}

// newDB returns empty tables on the shared server.
func newDB(tb testing.TB) *pgstore.DB {
	tb.Helper()
	pool := newPool(tb, url(tb), "pool_max_conns=20")
	return open(tb, pool, newSchema(tb, pool))
}

// must fails the test if err is not nil.
func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// until waits until f returns true.
func until(tb testing.TB, what string, f func() bool) {
	tb.Helper()
	for end := time.Now().Add(60 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if f() {
			return
		}
	}
	tb.Fatalf("%s: not within a minute", what)
}

// within receives from ch. It fails the test if nothing comes.
func within[T any](tb testing.TB, ch <-chan T) (got T) {
	tb.Helper()
	select {
	case got = <-ch:
	case <-time.After(60 * time.Second):
		tb.Fatal("nothing came within a minute")
	}
	return got
}
