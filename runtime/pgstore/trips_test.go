package pgstore_test

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// trips counts the statements, and groups of them, that go to the database together.
type trips struct {
	mu   sync.Mutex
	sent []string
}

// newCountedPool returns a pool on the shared server whose statements are counted.
func newCountedPool(tb testing.TB) (*pgxpool.Pool, *trips) {
	tb.Helper()
	config, err := pgxpool.ParseConfig(url(tb))
	must(tb, err)
	counted := &trips{}
	config.ConnConfig.Tracer = counted
	config.MaxConns = 4
	pool, err := pgxpool.NewWithConfig(context.Background(), config)
	must(tb, err)
	tb.Cleanup(pool.Close)
	return pool, counted
}

// during returns what was sent while f ran, except what tells other processes.
func (t *trips) during(f func()) []string {
	t.mu.Lock()
	t.sent = nil
	t.mu.Unlock()
	f()
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.sent
}

func (t *trips) add(sql string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !strings.HasPrefix(sql, "LISTEN") && !strings.Contains(sql, "pg_stat_activity") {
		t.sent = append(t.sent, sql)
	}
}

// TraceQueryStart implements pgx.QueryTracer.
func (t *trips) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	t.add(data.SQL)
	return ctx
}

// TraceQueryEnd implements pgx.QueryTracer.
func (t *trips) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// TraceBatchStart implements pgx.BatchTracer.
func (t *trips) TraceBatchStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceBatchStartData) context.Context {
	var all []string
	for _, q := range data.Batch.QueuedQueries {
		if strings.Contains(q.SQL, "pg_notify") && len(data.Batch.QueuedQueries) <= 5 {
			return ctx
		}
		all = append(all, q.SQL)
	}
	t.add(strings.Join(all, "; "))
	return ctx
}

// TraceBatchQuery implements pgx.BatchTracer.
func (t *trips) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}

// TraceBatchEnd implements pgx.BatchTracer.
func (t *trips) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData) {}
