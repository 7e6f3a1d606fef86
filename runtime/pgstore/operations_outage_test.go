package pgstore_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/grpcservice/grpcservice/internal/pgtest"
	"github.com/grpcservice/grpcservice/runtime/operation"
	"github.com/grpcservice/grpcservice/runtime/operation/storetest"
	"github.com/grpcservice/grpcservice/runtime/pgstore"
)

// TestLostAfterCommit ends the connection after the database has committed, before the response
// arrives. Each call finds out what has become of it.
func TestLostAfterCommit(t *testing.T) {
	p, through := newBreaker(t)
	pool := newPool(t, url(t))
	schema := newSchema(t, pool)
	quiet := pgstore.WithHintInterval(time.Hour) // the calls under test get the next responses
	ops := open(t, newPool(t, through, "pool_max_conns=1"), schema).Operations(quiet)
	check := open(t, pool, schema).Operations(quiet)
	ctx := t.Context()
	create(t, ops, newRecord()) // prepares the statements
	must(t, ops.Finish(ctx, claim(t, ops).Name, 1, succeeded))
	for _, change := range []func(*operation.Record){func(*operation.Record) {}, requested("id"), conflicting("key")} {
		rec := newRecord(change)
		p.cutAfter.Store(true)
		create(t, ops, rec)
		r := claim(t, check)
		if r.Name != rec.Name {
			t.Fatalf("claimed %s, want %s", r.Name, rec.Name)
		}
		p.cutAfter.Store(true)
		_, err := ops.Save(ctx, r.Name, r.Fence, operation.Progress{Checkpoint: []byte("1"), Number: 1})
		must(t, err)
		p.cutAfter.Store(true)
		must(t, ops.Release(ctx, r.Name, r.Fence, operation.Again{}))
		r = claim(t, check)
		p.cutAfter.Store(true)
		_, err = ops.Renew(ctx, r.Name, r.Fence)
		must(t, err)
		p.cutAfter.Store(true)
		must(t, ops.Finish(ctx, r.Name, r.Fence, succeeded))
		if p.cutAfter.Load() {
			t.Error("no connection was cut")
		}
		got, err := check.Get(ctx, r.Name)
		must(t, err)
		if !got.Done() || string(got.Response) != "ok" {
			t.Errorf("the operation is %+v, want it done", got)
		}
	}
	idle(t, check)
}

// TestOutcomeUnknown checks the error of a call that cannot find out.
func TestOutcomeUnknown(t *testing.T) {
	p, through := newBreaker(t)
	pool := newPool(t, url(t))
	schema := newSchema(t, pool)
	ops := open(t, newPool(t, through, "pool_max_conns=1"), schema).Operations(pgstore.WithHintInterval(time.Hour))
	create(t, ops, newRecord())
	p.down.Store(true)
	p.cutAfter.Store(true)
	rec := newRecord()
	_, _, err := ops.Create(t.Context(), rec, false)
	if !errors.Is(err, pgstore.ErrOutcomeUnknown) {
		t.Fatalf("Create returned %v, want ErrOutcomeUnknown", err)
	}
	p.down.Store(false)
	_, err = ops.Get(t.Context(), rec.Name)
	must(t, err)

	p.down.Store(true)
	p.cut()
	_, _, err = ops.Create(t.Context(), newRecord(), false)
	if err == nil {
		t.Fatal("Create succeeded without a database")
	}
}

// TestWatchSurvivesAnOutage checks that a watch reports what has happened while no notification
// arrived.
func TestWatchSurvivesAnOutage(t *testing.T) {
	p, through := newBreaker(t)
	pool := newPool(t, url(t))
	schema := newSchema(t, pool)
	here := open(t, newPool(t, through), schema).Operations()
	other := open(t, pool, schema).Operations()
	r, unchanged := create(t, other, newRecord()), create(t, other, newRecord())
	news, err := here.Watch(t.Context(), r)
	must(t, err)
	none, err := here.Watch(t.Context(), unchanged)
	must(t, err)
	p.down.Store(true)
	p.cut()
	_, err = other.RequestCancel(t.Context(), r.Name, operation.Result{Status: []byte("cancelled")})
	must(t, err)
	p.down.Store(false)
	within(t, news)
	select {
	case <-none:
		t.Error("the watch of an operation that has not changed has ended")
	default:
	}
}

// TestRestart kills the server in the middle of many operations, and starts it again: each ends
// once.
func TestRestart(t *testing.T) {
	server := pgtest.Start(t)
	pool := newPool(t, server.URL(), "pool_max_conns=16")
	schema := newSchema(t, pool)
	ops := open(t, pool, schema).Operations()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	const operations = 300
	var all sync.WaitGroup
	var mu sync.Mutex
	ended := make(map[string]int)
	started := make(chan struct{})
	all.Go(func() {
		for i := range operations {
			r := newRecord(func(r *operation.Record) { r.Lease = 2 * time.Second })
			for ctx.Err() == nil {
				_, created, err := ops.Create(ctx, r, false)
				if err == nil && created {
					break
				}
				if got, err := ops.Get(ctx, r.Name); err == nil && got.Name == r.Name {
					break // its outcome was unknown
				}
			}
			if i == operations/3 {
				close(started)
			}
		}
	})
	for range 4 {
		all.Go(func() {
			for ctx.Err() == nil {
				claimed, _ := ops.Claim(ctx, []string{method}, 4)
				for _, r := range claimed {
					for ctx.Err() == nil {
						err := ops.Finish(ctx, r.Name, r.Fence, succeeded)
						if errors.Is(err, operation.ErrLeaseLost) {
							break
						}
						if err == nil {
							mu.Lock()
							ended[r.Name]++
							mu.Unlock()
							break
						}
					}
				}
				mu.Lock()
				n := len(ended)
				mu.Unlock()
				if n == operations {
					return
				}
				if len(claimed) == 0 {
					time.Sleep(10 * time.Millisecond)
				}
			}
		})
	}
	<-started // within the time of ctx
	server.Kill()
	must(t, server.Start(ctx))
	all.Wait()
	if len(ended) != operations {
		t.Errorf("%d of %d operations have ended", len(ended), operations)
	}
	for name, n := range ended {
		if n != 1 {
			t.Errorf("%s has ended %d times", name, n)
		}
	}
}

// TestSerializableDefault runs the suite on a database whose transactions are serializable unless
// they state otherwise.
func TestSerializableDefault(t *testing.T) {
	storetest.Run(t, func(t *testing.T) operation.Store {
		pool := newPool(t, url(t), "pool_max_conns=20", "default_transaction_isolation=serializable")
		return open(t, pool, newSchema(t, pool)).Operations()
	})
}

func TestReadOnly(t *testing.T) {
	pool := newPool(t, url(t))
	schema := newSchema(t, pool)
	readOnly := newPool(t, url(t), "default_transaction_read_only=on")
	_, err := pgstore.Open(t.Context(), readOnly, schema)
	contains(t, err, "read-only; connect to the primary")

	server := pgtest.Start(t)
	pool = newPool(t, server.URL())
	schema = newSchema(t, pool)
	ops := open(t, pool, schema).Operations()
	create(t, ops, newRecord())
	_, err = pool.Exec(t.Context(), "ALTER DATABASE postgres SET default_transaction_read_only = on")
	must(t, err)
	pool.Reset()
	_, _, err = ops.Create(t.Context(), newRecord(), false)
	contains(t, err, "read-only; connect to the primary")
}

// contains fails the test unless the text of an error has a part.
func contains(tb testing.TB, err error, part string) {
	tb.Helper()
	if err == nil || !strings.Contains(err.Error(), part) {
		tb.Errorf("got the error %v, want one with %q", err, part)
	}
}

// TestNoConnectionFree checks the error of a call that gets no connection in time.
func TestNoConnectionFree(t *testing.T) {
	pool := newPool(t, url(t), "pool_max_conns=1")
	ops := open(t, pool, newSchema(t, pool)).Operations()
	create(t, ops, newRecord())
	tx := beginTx(t, pool, pgx.TxOptions{})
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, _, err := ops.Create(ctx, newRecord(), false)
	contains(t, err, "all 1 of the pool are in use")
	if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, pgstore.ErrOutcomeUnknown) {
		t.Errorf("Create returned %v, want an error of the deadline, with a known outcome", err)
	}
	must(t, tx.Rollback(t.Context()))
	create(t, ops, newRecord())
}

// TestDeadline checks that a call that waits for a lock ends with its context.
func TestDeadline(t *testing.T) {
	ops, pool := newOperations(t)
	create(t, ops, newRecord())
	r := claim(t, ops)
	tx := beginTx(t, pool, pgx.TxOptions{})
	_, _, err := ops.CreateTx(t.Context(), tx, newRecord(conflicting("key")), false)
	must(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second) // of which the lock takes most
	defer cancel()
	_, _, err = ops.Create(ctx, newRecord(conflicting("key")), false)
	if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, pgstore.ErrOutcomeUnknown) {
		t.Errorf("Create returned %v, want an error of the deadline, with an unknown outcome", err)
	}
	must(t, tx.Rollback(t.Context()))
	must(t, ops.Finish(t.Context(), r.Name, r.Fence, succeeded))
}

// TestStrangeText checks that all strings are kept as they are, which PostgreSQL does not accept.
func TestStrangeText(t *testing.T) {
	ops, _ := newOperations(t)
	for _, text := range []string{"a\x00b", "\xff\xfe", `back\slash`, `\x00`, "\u2028\U0010ffff", `\`, `\\0`} {
		want := newRecord(requested(text), conflicting(text), func(r *operation.Record) {
			r.Name += text
			r.Principal, r.Scopes = text, []string{text, ""}
		})
		create(t, ops, want)
		got := claim(t, ops)
		if got.Name != want.Name || got.Principal != text || got.IdempotencyKey != text || got.ConflictKey != text || got.Scopes[0] != text {
			t.Errorf("%q is kept as %+v", text, got)
		}
		listed, _, err := ops.List(t.Context(), operation.Query{Prefix: want.Name, Principal: &text, ConflictKey: text})
		must(t, err)
		if len(listed) != 1 {
			t.Errorf("%q: %d operations are listed", text, len(listed))
		}
		must(t, ops.Finish(t.Context(), got.Name, got.Fence, succeeded))
	}
}

// TestLongText checks that keys may be long, and that names that are too long get an error.
func TestLongText(t *testing.T) {
	ops, _ := newOperations(t)
	long := strings.Repeat("x", 1<<20)
	create(t, ops, newRecord(requested(long), conflicting(long)))
	_, created, err := ops.Create(t.Context(), newRecord(requested(long)), false)
	must(t, err)
	if created {
		t.Error("a long idempotency key has made two operations")
	}
	_, _, err = ops.Create(t.Context(), newRecord(func(r *operation.Record) { r.Principal = long }), false)
	contains(t, err, "the principal of the operation has 1048576 bytes; the maximum is 1000")
}

// TestTwoSchemas checks that applications that share a database do not see each other's
// operations.
func TestTwoSchemas(t *testing.T) {
	pool := newPool(t, url(t))
	one, two := open(t, pool, newSchema(t, pool)).Operations(), open(t, pool, newSchema(t, pool)).Operations()
	r := newRecord(requested("id"), conflicting("key"))
	create(t, one, r)
	idle(t, two)
	create(t, two, r)
	claim(t, one)
	claim(t, two)
}

// TestClose checks that calls after Close fail, and that Close announces what is left.
func TestClose(t *testing.T) {
	pool := newPool(t, url(t))
	schema := newSchema(t, pool)
	db := open(t, pool, schema)
	ops, other := db.Operations(), open(t, pool, schema).Operations()
	within(t, other.Due())
	due := other.Due()
	create(t, ops, newRecord())
	db.Close()
	within(t, due)
	if _, err := ops.Get(t.Context(), "operations/unknown"); !errors.Is(err, operation.ErrNotFound) {
		t.Error(err)
	}
}

func TestBadOptions(t *testing.T) {
	pool := newPool(t, url(t))
	for _, name := range []string{"", "pg_mine", strings.Repeat("x", 41), "a\x00"} {
		if err := pgstore.Migrate(t.Context(), pool, pgstore.WithSchema(name)); err == nil {
			t.Errorf("there is no error for the schema %q", name)
		}
	}
	contains(t, pgstore.Migrate(t.Context(), nil), "the pool is nil")
	contains(t, pgstore.Migrate(t.Context(), pool, pgstore.WithLogger(nil)), "WithLogger(nil)")
	ops := open(t, pool, newSchema(t, pool)).Operations(pgstore.WithMaxBytes(0))
	_, _, err := ops.Create(t.Context(), newRecord(), false)
	contains(t, err, "WithMaxBytes(0)")
}
