package pgstore_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/grpcservice/grpcservice/internal/pgtest"
	"github.com/grpcservice/grpcservice/runtime/idempotency"
	"github.com/grpcservice/grpcservice/runtime/pgstore"
)

// newClaim returns a claim of a key that no other has.
func newClaim(lease time.Duration) idempotency.Claim {
	c := idempotency.Claim{Lease: lease, Key: idempotency.Key{
		Principal: "ada", Method: "/test.v1.S/M", IdempotencyKey: rand.Text(),
	}}
	rand.Read(c.Digest[:])
	return again(c)
}

// again returns the claim of a retry.
func again(c idempotency.Claim) idempotency.Claim {
	rand.Read(c.Fence[:])
	return c
}

// begin makes a claim, or returns the entry that another one has.
func begin(t *testing.T, s idempotency.Store, c idempotency.Claim) idempotency.Entry {
	t.Helper()
	entry, err := s.Begin(t.Context(), c)
	must(t, err)
	return entry
}

// effects creates a table with a row for each effect, and returns its name.
func effects(t *testing.T, pool pgstore.Beginner) string {
	t.Helper()
	name := "effects_" + strings.ToLower(rand.Text())
	must(t, pgstore.InTx(pool, pgx.TxOptions{})(t.Context(), func(ctx context.Context) error {
		_, err := pgstore.Tx(ctx).Exec(ctx, `CREATE TABLE `+name+` (key text)`)
		return err
	}))
	return name
}

// TestCommitWithALostConnection has a connection break during the commit of a transaction with an
// effect and its response. The caller learns that the outcome is unknown. A retry finds out: it
// gets the response if there was an effect, and runs otherwise.
func TestCommitWithALostConnection(t *testing.T) {
	proxy, proxied := newProxy(t, url(t), "commit\x00")
	direct, through := newPool(t, url(t)), newPool(t, proxied)
	schema, table := newSchema(t, direct), effects(t, direct)
	store, other := open(t, through, schema).Idempotency(), open(t, direct, schema).Idempotency()
	for mode, committed := range map[cut]bool{before: false, after: true} {
		c := newClaim(time.Hour)
		begin(t, store, c)
		proxy.cut(mode)
		err := pgstore.InTx(through, pgx.TxOptions{})(t.Context(), func(ctx context.Context) error {
			tx := pgstore.Tx(ctx)
			if _, err := tx.Exec(ctx, `INSERT INTO `+table+` VALUES ($1)`, c.Key.IdempotencyKey); err != nil {
				return err
			}
			return store.FinishTx(ctx, tx, c.Key, c.Fence, []byte("response"), time.Hour)
		})
		if !errors.Is(err, pgstore.ErrOutcomeUnknown) {
			t.Fatalf("the transaction returned %v, want ErrOutcomeUnknown", err)
		}
		must(t, store.Release(t.Context(), c.Key, c.Fence)) // as the guard does for a call that fails
		retry := again(c)
		entry := begin(t, other, retry)
		if entry.Done != committed || committed && string(entry.Response) != "response" ||
			!committed && entry.Fence != retry.Fence {
			t.Errorf("a retry got %+v; the transaction was committed: %v", entry, committed)
		}
		var n int
		must(t, direct.QueryRow(t.Context(), `SELECT count(*) FROM `+table+` WHERE key = $1`, c.Key.IdempotencyKey).Scan(&n))
		if (n == 1) != committed {
			t.Errorf("there are %d effects; the transaction was committed: %v", n, committed)
		}
	}
}

// TestLostAnswers has the answers to statements of the store be lost: it finds out itself.
func TestLostAnswers(t *testing.T) {
	proxy, proxied := newProxy(t, url(t), "idempotency")
	// Without prepared statements, the text of a statement is sent each time
	through := newPool(t, proxied, "default_query_exec_mode=exec")
	direct := newPool(t, url(t))
	schema := newSchema(t, direct)
	store := open(t, through, schema).Idempotency()
	for _, mode := range []cut{before, after} {
		c := newClaim(time.Hour)
		begin(t, store, newClaim(time.Hour)) // after which nothing is counted
		proxy.cut(mode)
		if entry := begin(t, store, c); entry.Fence != c.Fence {
			t.Errorf("Begin returned %+v, want the claim", entry)
		}
		proxy.cut(mode)
		must(t, store.Renew(t.Context(), c.Key, c.Fence, time.Hour))
		proxy.cut(mode)
		must(t, store.Finish(t.Context(), c.Key, c.Fence, []byte("response"), time.Hour))
		if err := store.Finish(t.Context(), c.Key, c.Fence, nil, time.Hour); !errors.Is(err, idempotency.ErrLost) {
			t.Errorf("Finish of a call with a response returned %v, want ErrLost", err)
		}
		proxy.cut(mode)
		must(t, store.Release(t.Context(), c.Key, c.Fence))
		if entry := begin(t, store, again(c)); string(entry.Response) != "response" {
			t.Errorf("Begin returned %+v, want the response", entry)
		}
	}
	if n := proxy.cuts.Load(); n != 8 {
		t.Errorf("%d connections were cut, want 8", n)
	}
}

// TestBeginDoesNotWaitForTransactions checks that a retry learns at once that a call is running,
// even if the lease is over: the transaction of a call that hangs would otherwise collect the
// connections of the pool.
func TestBeginDoesNotWaitForTransactions(t *testing.T) {
	pool := newPool(t, url(t))
	store := open(t, pool, newSchema(t, pool)).Idempotency()
	c := newClaim(time.Millisecond)
	begin(t, store, c)
	tx, err := pool.Begin(t.Context())
	must(t, err)
	must(t, store.FinishTx(t.Context(), tx, c.Key, c.Fence, []byte("late"), time.Hour))
	for range 20 {
		if entry := begin(t, store, again(c)); entry.Done || entry.Fence != c.Fence || entry.Digest != c.Digest {
			t.Fatalf("Begin returned %+v, want the call that is running", entry)
		}
	}
	must(t, store.Renew(t.Context(), c.Key, c.Fence, time.Hour))
	must(t, tx.Commit(t.Context()))
	if entry := begin(t, store, again(c)); string(entry.Response) != "late" {
		t.Errorf("Begin returned %+v, want the response", entry)
	}
}

// TestRetriesWhileTheFirstCommits checks that a retry at any moment of a commit gets the claim or
// the response of the first call.
func TestRetriesWhileTheFirstCommits(t *testing.T) {
	pool := newPool(t, url(t), "pool_max_conns=8")
	store := open(t, pool, newSchema(t, pool)).Idempotency()
	for range 20 {
		c := newClaim(time.Hour)
		begin(t, store, c)
		var retries sync.WaitGroup
		for range 3 {
			retries.Go(func() {
				for {
					retry := again(c)
					entry, err := store.Begin(t.Context(), retry)
					if err != nil || entry.Fence != c.Fence {
						t.Errorf("Begin returned %+v, %v; want an entry of the first call", entry, err)
						return
					}
					if entry.Done {
						return
					}
				}
			})
		}
		tx, err := pool.Begin(t.Context())
		must(t, err)
		must(t, store.FinishTx(t.Context(), tx, c.Key, c.Fence, nil, time.Hour))
		must(t, tx.Commit(t.Context()))
		retries.Wait()
	}
}

// TestPoolWithOneConnection checks that a transaction with the last connection of the pool can be
// finished, and that a call without one gets an error that says so.
func TestPoolWithOneConnection(t *testing.T) {
	pool := newPool(t, url(t), "pool_max_conns=1")
	db := open(t, pool, newSchema(t, pool))
	store := db.Idempotency()
	c := newClaim(time.Hour)
	begin(t, store, c)
	tx, err := pool.Begin(t.Context())
	must(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := store.Begin(ctx, again(c)); err == nil || errors.Is(err, pgstore.ErrOutcomeUnknown) ||
		!strings.Contains(err.Error(), "no connection of the pool was free in time; all 1 of the pool are in use") &&
			!errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Begin without a connection returned %v", err)
	}
	// Another store of the process has not counted yet, and must not need a connection for that
	must(t, db.Idempotency().FinishTx(t.Context(), tx, c.Key, c.Fence, []byte("response"), time.Hour))
	must(t, tx.Commit(t.Context()))
	if entry := begin(t, store, again(c)); string(entry.Response) != "response" {
		t.Errorf("Begin returned %+v, want the response", entry)
	}
}

// TestRestartDuringCalls stops and kills the database while calls are running: no claim and no
// response that a call was told of is lost, and calls get through when the database is back.
func TestRestartDuringCalls(t *testing.T) {
	server := pgtest.Start(t)
	pool := newPool(t, server.URL(), "pool_max_conns=8")
	store := open(t, pool, newSchema(t, pool)).Idempotency()
	type call struct {
		claim    idempotency.Claim
		finished bool
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	made := make([][]call, 4)
	var running sync.WaitGroup
	for i := range made {
		running.Go(func() {
			for ctx.Err() == nil {
				c := call{claim: newClaim(time.Hour)}
				if entry, err := store.Begin(t.Context(), c.claim); err != nil || entry.Fence != c.claim.Fence {
					continue // nothing was said about it
				}
				err := store.Finish(t.Context(), c.claim.Key, c.claim.Fence, []byte("response"), time.Hour)
				c.finished = err == nil
				made[i] = append(made[i], c)
			}
		})
	}
	for _, end := range []func(){server.Stop, server.Kill} {
		end()
		must(t, server.Start(t.Context()))
	}
	stop()
	running.Wait()
	finished := 0
	for _, calls := range made {
		for _, c := range calls {
			entry := begin(t, store, again(c.claim))
			if entry.Fence != c.claim.Fence || c.finished && string(entry.Response) != "response" {
				t.Fatalf("%+v has become %+v", c, entry)
			}
			if c.finished {
				finished++
			}
		}
	}
	t.Logf("%d calls have finished", finished)
}

// TestReadOnlyServer checks the error of a database that has become read-only.
func TestReadOnlyServer(t *testing.T) {
	pool := newPool(t, url(t), "pool_max_conns=1")
	db := open(t, pool, newSchema(t, pool))
	store, log := db.Idempotency(), db.Log("events")
	p, err := log.Append(t.Context(), []byte("1"))
	must(t, err)
	_, err = pool.Exec(t.Context(), `SET default_transaction_read_only = on`)
	must(t, err)
	const want = "the database is read-only; connect to the primary"
	if _, err := store.Begin(t.Context(), newClaim(time.Hour)); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("Begin returned %v", err)
	}
	if _, err := log.Append(t.Context(), []byte("2")); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("Append returned %v", err)
	}
	if b, err := log.Bounds(t.Context()); err != nil || b.Head() != p {
		t.Errorf("Bounds returned %v, %v", b, err)
	}
}

// TestAnyBytesInKeys checks keys that are no texts of PostgreSQL, or longer than its indexes allow.
func TestAnyBytesInKeys(t *testing.T) {
	pool := newPool(t, url(t))
	store := open(t, pool, newSchema(t, pool)).Idempotency()
	for _, text := range []string{"", "\x00", "a\x00b", "\xff\xfe", strings.Repeat("x", 1<<20)} {
		for range 2 {
			c := newClaim(time.Hour)
			c.Key = idempotency.Key{Principal: text, Method: text, IdempotencyKey: text + c.Key.IdempotencyKey}
			if entry := begin(t, store, c); entry.Fence != c.Fence {
				t.Fatalf("the key is taken: %+v", entry)
			}
			response := []byte(text)
			must(t, store.Finish(t.Context(), c.Key, c.Fence, response, time.Hour))
			if entry := begin(t, store, again(c)); !bytes.Equal(entry.Response, response) {
				t.Fatalf("got %+v", entry)
			}
		}
	}
}

// TestTwoApplications checks that applications with other schemas do not see each other's entries.
func TestTwoApplications(t *testing.T) {
	pool := newPool(t, url(t))
	c := newClaim(time.Hour)
	for range 2 {
		db := open(t, pool, newSchema(t, pool))
		if entry := begin(t, db.Idempotency(), c); entry.Fence != c.Fence || entry.Done {
			t.Errorf("the key is taken: %+v", entry)
		}
		must(t, db.Idempotency().Finish(t.Context(), c.Key, c.Fence, nil, time.Hour))
		p, err := db.Log("events").Append(t.Context(), []byte("1"))
		if err != nil || p.Sequence != 1 {
			t.Errorf("Append returned %v, %v; want the first record", p, err)
		}
	}
}
