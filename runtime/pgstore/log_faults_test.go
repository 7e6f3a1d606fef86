package pgstore_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/grpcservice/grpcservice/internal/pgtest"
	"github.com/grpcservice/grpcservice/runtime/eventlog"
	"github.com/grpcservice/grpcservice/runtime/pgstore"
)

// start returns the position of the first record that is left.
func start(t *testing.T, log eventlog.Store) eventlog.Position {
	t.Helper()
	b, err := log.Bounds(t.Context())
	must(t, err)
	return b.Earliest()
}

// follow reads records after a position, in small reads, until it has read one with the text "end".
// It checks that none is missing.
func follow(t *testing.T, log eventlog.Store, at eventlog.Position) (texts []string) {
	for {
		changed := log.Watch()
		batch, err := log.Read(t.Context(), at, eventlog.Limit{Records: 5, Bytes: 1 << 20})
		if errors.As(err, new(*eventlog.PositionError)) || t.Context().Err() != nil {
			t.Errorf("Read after %v: %v", at, err)
			return texts
		}
		if err != nil { // the database is restarting
			time.Sleep(10 * time.Millisecond)
			continue
		}
		for _, r := range batch.Records {
			if r.Sequence != at.Sequence+1 {
				t.Errorf("record %d follows %d", r.Sequence, at.Sequence)
				return texts
			}
			at.Sequence = r.Sequence
			if string(r.Data) == "end" {
				return texts
			}
			texts = append(texts, string(r.Data))
		}
		if len(batch.Records) > 0 {
			continue
		}
		select {
		case <-changed:
		case <-time.After(2 * time.Minute):
			t.Errorf("the channel of Watch was not closed after record %d", at.Sequence)
			return texts
		}
	}
}

// TestReadersOfDelayedCommits has 8 writers hold transactions open after their appends, roll some of
// them back, and 4 readers on other connections follow: they see one order without gaps, which is
// that of the commits, and nothing that was rolled back.
func TestReadersOfDelayedCommits(t *testing.T) {
	const writers, readers, each = 8, 4, 25
	pool := newPool(t, url(t), fmt.Sprintf("pool_max_conns=%d", writers))
	schema := newSchema(t, pool)
	log := open(t, pool, schema).Log("events")
	from := start(t, log)
	seen := make([][]string, readers)
	var reading sync.WaitGroup
	for i := range readers {
		own := open(t, newPool(t, url(t), "pool_max_conns=2"), schema).Log("events")
		reading.Go(func() { seen[i] = follow(t, own, from) })
	}
	var writing sync.WaitGroup
	var mu sync.Mutex
	want := map[string]uint64{} // the position that each commit was told
	for w := range writers {
		writing.Go(func() {
			for n := range each {
				text := fmt.Sprintf("%d/%d", w, n)
				tx, err := pool.Begin(t.Context())
				if err != nil {
					t.Errorf("Begin: %v", err)
					return
				}
				p, err := log.AppendTx(t.Context(), tx, []byte(text))
				if err != nil {
					t.Errorf("AppendTx: %v", err)
				}
				time.Sleep(rand.N(2 * time.Millisecond)) // the commit is delayed
				if rand.N(4) == 0 {
					if err := tx.Rollback(t.Context()); err != nil {
						t.Errorf("Rollback: %v", err)
					}
					continue
				}
				if err := tx.Commit(t.Context()); err != nil {
					t.Errorf("Commit: %v", err)
				}
				mu.Lock()
				want[text] = p.Sequence
				mu.Unlock()
			}
		})
	}
	writing.Wait()
	_, err := log.Append(t.Context(), []byte("end"))
	must(t, err)
	reading.Wait()
	for i, texts := range seen {
		if !slices.Equal(texts, seen[0]) {
			t.Errorf("reader %d has seen another order than reader 0", i)
		}
	}
	if len(seen[0]) != len(want) {
		t.Errorf("there are %d records, want the %d that were committed", len(seen[0]), len(want))
	}
	for i, text := range seen[0] {
		if want[text] != from.Sequence+uint64(i)+1 {
			t.Errorf("record %d is %q, whose transaction was told %d", i+1, text, want[text])
		}
	}
}

// TestLostConnectionOfTheListener ends the connection for notifications: records of others are
// noticed nevertheless.
func TestLostConnectionOfTheListener(t *testing.T) {
	pool := newPool(t, url(t))
	schema := newSchema(t, pool)
	reader, writer := open(t, pool, schema).Log("events"), open(t, newPool(t, url(t)), schema).Log("events")
	from := start(t, reader)
	done := make(chan []string)
	go func() { done <- follow(t, reader, from) }()
	const kill = `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE query ILIKE 'LISTEN%' OR query = '-- ping'`
	for i := range 5 {
		_, err := writer.Append(t.Context(), fmt.Append(nil, i))
		must(t, err)
		until(t, "the listener is there, and ended", func() bool {
			var killed int
			must(t, pool.QueryRow(t.Context(), kill).Scan(&killed))
			return killed > 0
		})
	}
	_, err := writer.Append(t.Context(), []byte("end"))
	must(t, err)
	if got := <-done; !slices.Equal(got, []string{"0", "1", "2", "3", "4"}) {
		t.Errorf("the reader has seen %q", got)
	}
}

// TestRestartWhileTheLogIsUsed stops and kills the database while writers append and a reader
// follows. An append that succeeded is there once; one whose outcome is unknown at most once; and
// no other is there.
func TestRestartWhileTheLogIsUsed(t *testing.T) {
	// A killed server loses what it has not written to its log, if commits do not wait for that
	server := pgtest.Start(t, pgtest.WithSettings("synchronous_commit=off"))
	pool := newPool(t, server.URL(), "pool_max_conns=8")
	log := open(t, pool, newSchema(t, pool)).Log("events")
	from := start(t, log)
	seen := make(chan []string)
	go func() { seen <- follow(t, log, from) }()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var mu sync.Mutex
	appended, unknown := map[string]bool{}, map[string]bool{}
	var writing sync.WaitGroup
	for w := range 4 {
		writing.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				text := fmt.Sprintf("%d/%d", w, n)
				_, err := log.Append(t.Context(), []byte(text))
				mu.Lock()
				switch {
				case err == nil:
					appended[text] = true
				case errors.Is(err, pgstore.ErrOutcomeUnknown):
					unknown[text] = true
				}
				mu.Unlock()
			}
		})
	}
	count := func() int {
		mu.Lock()
		defer mu.Unlock()
		return len(appended)
	}
	for _, end := range []func(){server.Stop, server.Kill, server.Kill} {
		before := count()
		until(t, "records are appended", func() bool { return count() > before })
		end()
		must(t, server.Start(t.Context()))
	}
	stop()
	writing.Wait()
	until(t, "the end is appended", func() bool {
		_, err := log.Append(t.Context(), []byte("end"))
		return err == nil
	})
	times := map[string]int{}
	for _, text := range <-seen {
		times[text]++
	}
	for text, n := range times {
		if n > 1 || !appended[text] && !unknown[text] {
			t.Errorf("%q is there %d times; its append succeeded: %v", text, n, appended[text])
		}
	}
	for text := range appended {
		if times[text] != 1 {
			t.Errorf("%q is there %d times, and its append succeeded", text, times[text])
		}
	}
	t.Logf("%d appends succeeded, and the outcome of %d is unknown", len(appended), len(unknown))
}

// TestLostAnswersOfAppends has the answers to appends be lost: each record is there once.
func TestLostAnswersOfAppends(t *testing.T) {
	proxy, proxied := newProxy(t, url(t), "with now as")
	through := newPool(t, proxied, "default_query_exec_mode=exec")
	direct := newPool(t, url(t))
	schema := newSchema(t, direct)
	log := open(t, through, schema).Log("events")
	from := start(t, log)
	var want []string
	for i, mode := range []cut{pass, after, before, after, pass} {
		proxy.cut(mode)
		text := fmt.Sprint(i)
		p, err := log.Append(t.Context(), []byte(text), []byte("with "+text))
		if err != nil || p.Sequence != uint64(2*i+2) {
			t.Fatalf("Append returned %v, %v", p, err)
		}
		want = append(want, text, "with "+text)
	}
	if n := proxy.cuts.Load(); n != 3 {
		t.Errorf("%d connections were cut, want 3", n)
	}
	_, err := log.Append(t.Context(), []byte("end"))
	must(t, err)
	if got := follow(t, log, from); !slices.Equal(got, want) {
		t.Errorf("the log has %q, want %q", got, want)
	}
}

// TestAppendsThatArriveLate has the statement of an append reach the server after its connection was
// lost and the append was repeated: the records are there once.
func TestAppendsThatArriveLate(t *testing.T) {
	for _, test := range []struct {
		name   string
		locked bool // whether the statement arrives while the repeated append waits for the lock
	}{{"after the retry", false}, {"during the retry", true}} {
		t.Run(test.name, func(t *testing.T) {
			proxy, proxied := newProxy(t, url(t), "with now as")
			release := sync.OnceFunc(func() { close(proxy.release) })
			defer release()
			direct := newPool(t, url(t))
			schema := newSchema(t, direct)
			log := open(t, newPool(t, proxied, "default_query_exec_mode=exec"), schema).Log("late")
			from := start(t, log)
			_, err := log.Append(t.Context(), []byte("first"))
			must(t, err)
			tx, err := direct.Begin(t.Context())
			must(t, err)
			defer func() { _ = tx.Rollback(context.Background()) }()
			if test.locked {
				_, err = tx.Exec(t.Context(), "SELECT FROM "+newestSchema()+".logs FOR UPDATE")
				must(t, err)
			}
			proxy.cut(late)
			appended := make(chan error)
			go func() {
				_, err := log.Append(t.Context(), []byte("once"))
				appended <- err
			}()
			if test.locked {
				awaitWaiters(t, direct, 1)
				release()
				awaitWaiters(t, direct, 2)
				must(t, tx.Commit(t.Context()))
				must(t, within(t, appended))
			} else {
				must(t, within(t, appended))
				release()
			}
			within(t, proxy.arrived)
			_, err = log.Append(t.Context(), []byte("end"))
			must(t, err)
			if got, want := follow(t, log, from), []string{"first", "once"}; !slices.Equal(got, want) {
				t.Errorf("the log has %q, want %q", got, want)
			}
		})
	}
}

// lockLog locks the rows of the logs of the newest schema.
func lockLog(t *testing.T, pool *pgxpool.Pool) pgx.Tx { return lockRows(t, pool, "logs") }

// lockOperations locks the rows of its operations.
func lockOperations(t *testing.T, pool *pgxpool.Pool) pgx.Tx {
	return lockRows(t, pool, "operations")
}

func lockRows(t *testing.T, pool *pgxpool.Pool, table string) pgx.Tx {
	t.Helper()
	tx, err := pool.Begin(t.Context())
	must(t, err)
	t.Cleanup(func() { _ = tx.Rollback(context.Background()) })
	_, err = tx.Exec(t.Context(), "SELECT FROM "+newestSchema()+"."+table+" FOR UPDATE")
	must(t, err)
	return tx
}

// endWaiter waits until a statement waits for a lock, and ends its connection.
func endWaiter(t *testing.T, pool *pgxpool.Pool) {
	t.Helper()
	awaitWaiters(t, pool, 1)
	var ended bool
	must(t, pool.QueryRow(t.Context(), `
		SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity
		WHERE wait_event_type = 'Lock' AND datname = current_database()
			AND query LIKE '%logs%'`).Scan(&ended))
	if !ended {
		t.Fatal("the connection has not ended")
	}
}

// TestRepeatedAppendThatIsTrimmed loses the connection of an append, then the answer to the commit
// of its repetition, whose records are deleted before Append asks for them.
func TestRepeatedAppendThatIsTrimmed(t *testing.T) {
	proxy, proxied := newProxy(t, url(t), "commit\x00")
	direct := newPool(t, url(t))
	schema := newSchema(t, direct)
	log := open(t, newPool(t, proxied, "default_query_exec_mode=exec"), schema).Log("trimmed")
	_, err := log.Append(t.Context(), []byte("first"))
	must(t, err)
	_, err = direct.Exec(t.Context(), strings.ReplaceAll(`
		CREATE FUNCTION app.trim() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			DELETE FROM app.log_records;
			NEW.first = NEW.last + 1; NEW.trimmed = NEW.appended; RETURN NEW;
		END $$;
		CREATE TRIGGER trim BEFORE UPDATE ON app.logs FOR EACH ROW
			WHEN (NEW.retries <> OLD.retries) EXECUTE FUNCTION app.trim()`,
		"app.", newestSchema()+"."))
	must(t, err)
	tx := lockLog(t, direct)
	proxy.cut(after)
	var p eventlog.Position
	appended := make(chan error)
	go func() {
		var err error
		p, err = log.Append(t.Context(), []byte("once"))
		appended <- err
	}()
	endWaiter(t, direct)
	must(t, tx.Commit(t.Context()))
	if err := within(t, appended); err != nil || p.Sequence != 2 || proxy.cuts.Load() != 1 {
		t.Errorf("Append returned %v, %v after %d lost answers; want the position 2 after 1",
			p, err, proxy.cuts.Load())
	}
	if p, err := log.Append(t.Context(), []byte("next")); err != nil || p.Sequence != 3 {
		t.Errorf("the next Append returned %v, %v", p, err)
	}
}

// TestLogDeletedBeforeTheRetry deletes the log of an append whose connection is lost: the outcome
// is unknown, and the append is not repeated in the log that is created instead.
func TestLogDeletedBeforeTheRetry(t *testing.T) {
	pool := newPool(t, url(t))
	log := open(t, newPool(t, url(t)), newSchema(t, pool)).Log("deleted")
	_, err := log.Append(t.Context(), []byte("first"))
	must(t, err)
	tx := lockLog(t, pool)
	appended := make(chan error)
	go func() {
		_, err := log.Append(t.Context(), []byte("lost"))
		appended <- err
	}()
	endWaiter(t, pool)
	_, err = tx.Exec(t.Context(), "DELETE FROM "+newestSchema()+".logs")
	must(t, err)
	must(t, tx.Commit(t.Context()))
	if err := within(t, appended); !errors.Is(err, pgstore.ErrOutcomeUnknown) {
		t.Errorf("Append returned %v, want ErrOutcomeUnknown", err)
	}
	if p, err := log.Append(t.Context(), []byte("next")); err != nil || p.Sequence != 1 {
		t.Errorf("the next Append returned %v, %v", p, err)
	}
}

// TestTrimOfALogThatWasMadeAgain deletes a log that was trimmed, and trims the one that is created
// instead: its records are deleted, too.
func TestTrimOfALogThatWasMadeAgain(t *testing.T) {
	pool := newPool(t, url(t))
	log := open(t, pool, newSchema(t, pool)).Log("again")
	left := func() (n int) {
		t.Helper()
		must(t, pool.QueryRow(t.Context(),
			"SELECT count(*) FROM "+newestSchema()+".log_records").Scan(&n))
		return n
	}
	for round := range 2 {
		var last eventlog.Position
		for i := range 10 {
			p, err := log.Append(t.Context(), []byte{byte(i)})
			must(t, err)
			last = p
		}
		last.Sequence -= uint64(1 + round) // fewer than of the log before
		must(t, log.Trim(t.Context(), last))
		if n := left(); n != 1+round {
			t.Errorf("log %d: %d records are left in the table, want %d", round, n, 1+round)
		}
		_, err := pool.Exec(t.Context(), strings.ReplaceAll(
			"DELETE FROM app.logs; DELETE FROM app.log_records", "app.", newestSchema()+"."))
		must(t, err)
	}
}

// TestTrimInAnotherEpoch changes the epoch of a log while Trim waits for it: no record is deleted.
func TestTrimInAnotherEpoch(t *testing.T) {
	pool := newPool(t, url(t))
	log := open(t, pool, newSchema(t, pool)).Log("trim")
	p, err := log.Append(t.Context(), []byte("1"), []byte("2"))
	must(t, err)
	tx := lockLog(t, pool)
	_, err = tx.Exec(t.Context(), "UPDATE "+newestSchema()+".logs SET epoch = epoch # 2")
	must(t, err)
	trimmed := make(chan error)
	go func() { trimmed <- log.Trim(t.Context(), p) }()
	awaitWaiters(t, pool, 1)
	must(t, tx.Commit(t.Context()))
	if err := within(t, trimmed); !errors.Is(err, eventlog.ErrUnknown) {
		t.Errorf("Trim returned %v, want ErrUnknown", err)
	}
	_, err = log.Append(t.Context(), []byte("end"))
	must(t, err)
	if got := follow(t, log, start(t, log)); !slices.Equal(got, []string{"1", "2"}) {
		t.Errorf("the log has %q", got)
	}
}

// awaitWaiters waits until n statements of appends wait for locks.
func awaitWaiters(t *testing.T, pool *pgxpool.Pool, n int) {
	t.Helper()
	awaitWaitersOf(t, pool, "logs", n)
}

// awaitWaitersOf waits until n statements with a text wait for locks.
func awaitWaitersOf(t *testing.T, pool *pgxpool.Pool, text string, n int) {
	t.Helper()
	for waiting := -1; waiting != n; time.Sleep(10 * time.Millisecond) {
		must(t, pool.QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity
			WHERE wait_event_type = 'Lock' AND datname = current_database()
				AND query LIKE '%' || $1 || '%'`, text).Scan(&waiting))
	}
}

// queries counts what is sent to a server.
type queries struct{ n atomic.Int64 }

func (q *queries) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	if data.SQL != "-- ping" { // of a process, every 30 seconds
		q.n.Add(1)
	}
	return ctx
}

func (q *queries) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// TestIdleSubscribersSendNoQueries counts the queries of 100 readers that wait.
func TestIdleSubscribersSendNoQueries(t *testing.T) {
	config, err := pgxpool.ParseConfig(url(t))
	must(t, err)
	sent := &queries{}
	config.ConnConfig.Tracer = sent
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	must(t, err)
	t.Cleanup(pool.Close)
	log := open(t, pool, newSchema(t, pool)).Log("events")
	from := start(t, log)
	var reading sync.WaitGroup
	for range 100 {
		reading.Go(func() { follow(t, log, from) })
	}
	before := int64(-1)
	until(t, "the readers wait", func() bool {
		now := sent.n.Load()
		idle := now == before
		before = now
		time.Sleep(300 * time.Millisecond)
		return idle && sent.n.Load() == now
	})
	time.Sleep(time.Second)
	if now := sent.n.Load(); now != before {
		t.Errorf("%d queries were sent while nothing happened", now-before)
	}
	_, err = log.Append(t.Context(), []byte("end"))
	must(t, err)
	reading.Wait()
}

// TestEpochs checks which changes of the database end the epoch of a log.
func TestEpochs(t *testing.T) {
	server := pgtest.Start(t, pgtest.WithSettings("restore_command=false"))
	url := server.Database(t)
	schema := pgstore.WithSchema("app")
	epoch := func(url string) uint64 {
		t.Helper()
		pool := newPool(t, url)
		defer pool.Close()
		db := open(t, pool, schema)
		defer db.Close()
		log := db.Log("events")
		b, err := log.Bounds(t.Context())
		must(t, err)
		p, err := log.Append(t.Context(), []byte("x"))
		if err != nil || p.Epoch != b.Epoch {
			t.Fatalf("Append returned %v, %v after the bounds %v", p, err, b)
		}
		return p.Epoch
	}
	pool := newPool(t, url)
	must(t, pgstore.Migrate(t.Context(), pool, schema))
	pool.Close()
	last := epoch(url)
	changed := func(what, url string) {
		t.Helper()
		now := epoch(url)
		if now == last {
			t.Errorf("%s: the epoch is the same", what)
		}
		if again := epoch(url); again != now {
			t.Errorf("%s: the epoch changes again", what)
		}
		last = now
	}
	if now := epoch(url); now != last {
		t.Error("opened again: the epoch is another")
	}
	server.Kill()
	must(t, server.Start(t.Context()))
	if now := epoch(url); now != last {
		t.Error("recovered after a crash: the epoch is another")
	}

	admin := newPool(t, server.URL(), "pool_max_conns=1")
	name := url[strings.LastIndex(url, "/")+1 : strings.Index(url, "?")]
	_, err := admin.Exec(t.Context(), `CREATE DATABASE restored TEMPLATE `+name)
	must(t, err)
	changed("restored as another database", strings.Replace(url, "/"+name, "/restored", 1))

	pool = newPool(t, url)
	last = epoch(url)
	_, err = pool.Exec(t.Context(), `CREATE TABLE app.copy AS SELECT * FROM app.logs;
		ALTER TABLE app.logs RENAME TO old; ALTER TABLE app.copy RENAME TO logs;
		ALTER TABLE app.logs ADD UNIQUE (hash), ALTER id SET NOT NULL, ALTER first SET DEFAULT 1,
			ALTER last SET DEFAULT 0, ALTER latest SET DEFAULT 'epoch', ALTER appended SET DEFAULT 0,
			ALTER trimmed SET DEFAULT 0;
		ALTER TABLE app.logs ALTER id ADD GENERATED ALWAYS AS IDENTITY`)
	must(t, err)
	changed("restored into another table", url)
	_, err = pool.Exec(t.Context(), `UPDATE app.logs SET incarnation = ''`)
	must(t, err)
	changed("ended by hand", url)
	_, err = pool.Exec(t.Context(), `DELETE FROM app.logs; DELETE FROM app.log_records`)
	must(t, err)
	changed("deleted and created again", url)
	pool.Close()

	// A standby that is promoted, or a backup restored to a point in time, has another timeline
	server.Stop()
	must(t, os.WriteFile(filepath.Join(server.Dir, "data", "recovery.signal"), nil, 0o666))
	must(t, os.Chmod(filepath.Join(server.Dir, "data", "recovery.signal"), 0o666))
	must(t, server.Start(t.Context()))
	until(t, "the recovery has ended", func() bool {
		var recovers bool
		return admin.QueryRow(t.Context(), `SELECT pg_is_in_recovery()`).Scan(&recovers) == nil && !recovers
	})
	changed("promoted", url)
}

// TestLogLimits checks that a log is trimmed by each limit, and that what was trimmed is deleted.
func TestLogLimits(t *testing.T) {
	pool := newPool(t, url(t))
	for name, test := range map[string]struct {
		option      pgstore.LogOption
		least, most int64 // records that are left of 3000
	}{
		"records": {pgstore.WithLogMaxRecords(100), 100, 101},
		"bytes":   {pgstore.WithLogMaxBytes(100 * (96 + 10)), 99, 102},
		"none":    {pgstore.WithLogMaxAge(time.Hour), 3000, 3000},
	} {
		t.Run(name, func(t *testing.T) {
			log := open(t, pool, newSchema(t, pool)).Log("events", test.option)
			for range 60 {
				data := make([][]byte, 50)
				for i := range data {
					data[i] = []byte("0123456789")
				}
				_, err := log.Append(t.Context(), data...)
				must(t, err)
			}
			b, err := log.Bounds(t.Context())
			must(t, err)
			left := int64(b.Last + 1 - b.First)
			if left < test.least || left > test.most || b.Last != 3000 {
				t.Errorf("%d records are left, want %d to %d", left, test.least, test.most)
			}
			size, err := log.Size(t.Context())
			if err != nil || size != left*(96+10) {
				t.Errorf("the size is %d, %v", size, err)
			}
			batch, err := log.Read(t.Context(), b.Earliest(), eventlog.Limit{Records: 1 << 20, Bytes: 1 << 30})
			if err != nil || int64(len(batch.Records)) != left {
				t.Errorf("%d records can be read, %v; want %d", len(batch.Records), err, left)
			}
		})
	}
}

// TestLogMaxAge checks that old records go when the log is used.
func TestLogMaxAge(t *testing.T) {
	pool := newPool(t, url(t), "pool_max_conns=4")
	schema := newSchema(t, pool)
	db := open(t, pool, schema)
	log := db.Log("events", pgstore.WithLogMaxAge(50*time.Millisecond))
	p, err := log.Append(t.Context(), []byte("1"), []byte("2"))
	must(t, err)
	until(t, "the records are trimmed", func() bool {
		b, err := log.Bounds(t.Context())
		must(t, err)
		return b.Earliest() == p
	})
	if size, err := log.Size(t.Context()); err != nil || size != 0 {
		t.Errorf("the size is %d, %v", size, err)
	}
	if _, err := log.Append(t.Context(), make([]byte, 1000)); err != nil {
		t.Error(err)
	}
	until(t, "the next record is trimmed", func() bool {
		batch, err := log.Read(t.Context(), start(t, log), eventlog.Limit{Records: 10})
		return err == nil && batch.Bounds.First == 4
	})
}

// TestAppendsThatAreTooLarge checks limits of one append.
func TestAppendsThatAreTooLarge(t *testing.T) {
	pool := newPool(t, url(t))
	db := open(t, pool, newSchema(t, pool))
	log := db.Log("events", pgstore.WithLogMaxBytes(10_000), pgstore.WithLogMaxRecords(10))
	for name, data := range map[string][][]byte{
		"bytes":   {make([]byte, 10_000)},
		"records": make([][]byte, 11),
	} {
		if _, err := log.Append(t.Context(), data...); !errors.Is(err, eventlog.ErrTooLarge) {
			t.Errorf("%s: Append returned %v, want ErrTooLarge", name, err)
		}
		must(t, pgstore.InTx(pool, pgx.TxOptions{})(t.Context(), func(ctx context.Context) error {
			if _, err := log.AppendTx(ctx, pgstore.Tx(ctx), data...); !errors.Is(err, eventlog.ErrTooLarge) {
				t.Errorf("%s: AppendTx returned %v, want ErrTooLarge", name, err)
			}
			return nil
		}))
	}
	if _, err := log.AppendTx(t.Context(), "a text", nil); !errors.Is(err, eventlog.ErrNoTx) {
		t.Errorf("AppendTx in a text returned %v, want ErrNoTx", err)
	}
	if b, err := log.Bounds(t.Context()); err != nil || b.Last != 0 {
		t.Errorf("the bounds are %v, %v", b, err)
	}
}

// TestNamesOfLogs checks names that are no texts of PostgreSQL, or longer than its indexes allow.
func TestNamesOfLogs(t *testing.T) {
	pool := newPool(t, url(t))
	db := open(t, pool, newSchema(t, pool))
	for _, name := range []string{"", "a\x00b", "\xff", strings.Repeat("x", 1<<20)} {
		for n := range uint64(2) {
			if p, err := db.Log(name).Append(t.Context(), []byte("1")); err != nil || p.Sequence != n+1 {
				t.Errorf("Append %d to the log %.10q returned %v, %v", n, name, p, err)
			}
		}
	}
}

// TestLogWithoutItsTables checks the error when another program has dropped the tables.
func TestLogWithoutItsTables(t *testing.T) {
	pool := newPool(t, url(t))
	schema := pgstore.WithSchema("dropped")
	must(t, pgstore.Migrate(t.Context(), pool, schema))
	db := open(t, pool, schema)
	_, err := pool.Exec(t.Context(), `DROP SCHEMA dropped CASCADE`)
	must(t, err)
	const want = "run pgstore.Migrate"
	if _, err := db.Log("events").Append(t.Context(), []byte("1")); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("Append returned %v", err)
	}
	if _, err := db.Idempotency().Begin(t.Context(), newClaim(time.Hour)); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("Begin returned %v", err)
	}
}

// TestWithoutNotifications checks that readers find records although the process cannot listen: the
// pool may have the last connections that the server allows.
func TestWithoutNotifications(t *testing.T) {
	config, err := pgxpool.ParseConfig(url(t))
	must(t, err)
	var connections atomic.Int64
	config.MaxConns = 1
	config.BeforeConnect = func(context.Context, *pgx.ConnConfig) error {
		if connections.Add(1) > 1 {
			return errors.New("no more connections")
		}
		return nil
	}
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	must(t, err)
	t.Cleanup(pool.Close)
	other := newPool(t, url(t))
	schema := newSchema(t, other)
	log, writer := open(t, pool, schema).Log("events"), open(t, other, schema).Log("events")
	from := start(t, log)
	read := make(chan []string)
	go func() { read <- follow(t, log, from) }()
	until(t, "the process has tried to listen", func() bool { return connections.Load() > 1 })
	for _, text := range []string{"1", "end"} {
		_, err := writer.Append(t.Context(), []byte(text))
		must(t, err)
	}
	if got := <-read; !slices.Equal(got, []string{"1"}) {
		t.Errorf("the reader has seen %q", got)
	}
}
