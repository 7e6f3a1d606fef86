package pgstore_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/grpcservice/grpcservice/runtime/operation"
	"github.com/grpcservice/grpcservice/runtime/pgstore"
)

// lateOperations returns a store whose statements with a text the proxy can hold, and another store
// of the same tables.
func lateOperations(
	t *testing.T, text string,
) (held *proxy, late, direct *pgstore.Operations, pool *pgxpool.Pool) {
	t.Helper()
	held, proxied := newProxy(t, url(t), text)
	pool = newPool(t, url(t))
	schema := newSchema(t, pool)
	late = open(t, newPool(t, proxied, "default_query_exec_mode=exec"), schema).Operations()
	return held, late, open(t, pool, schema).Operations(), pool
}

// TestSavesThatArriveLate has the statement of a save reach the server after its connection was
// lost, the save was repeated, and others have followed: the last one stays.
func TestSavesThatArriveLate(t *testing.T) {
	for _, test := range []struct {
		name   string
		locked bool // whether the statement arrives while the next save waits for the row
	}{
		{"after the next save", false},
		{"during the next save", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			held, ops, direct, pool := lateOperations(t, "as op set")
			release := sync.OnceFunc(func() { close(held.release) })
			defer release()
			create(t, ops, newRecord())
			r := claim(t, ops)
			save := func(number int64, text string) error {
				p := operation.Progress{Checkpoint: []byte(text), Metadata: []byte(text), Number: number}
				_, err := ops.Save(t.Context(), r.Name, r.Fence, p)
				return err
			}
			must(t, save(1, "first"))
			held.cut(late)
			must(t, save(2, "second")) // by its repetition
			if held.cuts.Load() != 1 {
				t.Fatal("no connection was cut")
			}
			if test.locked {
				tx := lockOperations(t, pool)
				saved := make(chan error, 1)
				go func() { saved <- save(3, "third") }()
				awaitWaitersOf(t, pool, newestSchema(), 1)
				release()
				awaitWaitersOf(t, pool, newestSchema(), 2)
				must(t, tx.Commit(t.Context()))
				must(t, within(t, saved))
			} else {
				must(t, save(3, "third"))
				release()
			}
			within(t, held.arrived)
			got, err := direct.Get(t.Context(), r.Name)
			must(t, err)
			if got.Saves != 3 || string(got.Checkpoint) != "third" || string(got.Metadata) != "third" {
				t.Errorf("the save %d stays, with %q and %q, want the third",
					got.Saves, got.Checkpoint, got.Metadata)
			}
		})
	}
}

// TestSaveThatItsCallerGaveUp has a save arrive whose caller gave up before, after a later save.
func TestSaveThatItsCallerGaveUp(t *testing.T) {
	held, ops, direct, _ := lateOperations(t, "as op set")
	release := sync.OnceFunc(func() { close(held.release) })
	defer release()
	create(t, ops, newRecord())
	r := claim(t, ops)
	ctx, cancel := context.WithCancel(t.Context())
	held.cut(late)
	go func() {
		until(t, "the statement is held", func() bool { return held.cuts.Load() == 1 })
		cancel()
	}()
	progress := operation.Progress{Checkpoint: []byte("old"), Number: 1}
	_, err := ops.Save(ctx, r.Name, r.Fence, progress)
	if err != nil && !errors.Is(err, pgstore.ErrOutcomeUnknown) { // nil if it was repeated before
		t.Fatalf("Save returned %v, want ErrOutcomeUnknown", err)
	}
	progress = operation.Progress{Checkpoint: []byte("new"), Number: 2}
	_, err = direct.Save(t.Context(), r.Name, r.Fence, progress)
	must(t, err)
	release()
	within(t, held.arrived)
	got, err := direct.Get(t.Context(), r.Name)
	must(t, err)
	if string(got.Checkpoint) != "new" {
		t.Errorf("the checkpoint is %q, want that of the later save", got.Checkpoint)
	}
}

// TestSavesOfTwoVersions has a process of the previous version, which does not number its saves,
// work beside this one.
func TestSavesOfTwoVersions(t *testing.T) {
	pool := newPool(t, url(t))
	ops := open(t, pool, newSchema(t, pool)).Operations()
	create(t, ops, newRecord(func(r *operation.Record) { r.Lease = time.Millisecond }))
	r := claim(t, ops)
	save := func(text string, number int64) {
		t.Helper()
		progress := operation.Progress{Checkpoint: []byte(text), Number: number}
		_, err := ops.Save(t.Context(), r.Name, r.Fence, progress)
		must(t, err)
	}
	save("new", r.Saves+1)
	_, err := pool.Exec(t.Context(), `UPDATE `+newestSchema()+`.operations
		SET fence = fence + 1, checkpoint = 'old', due_time = statement_timestamp()`)
	must(t, err)
	r = claim(t, ops)
	if string(r.Checkpoint) != "old" || r.Saves != 1 {
		t.Errorf("claimed with the checkpoint %q of the save %d, want that of the older process",
			r.Checkpoint, r.Saves)
	}
	save("newer", r.Saves+1)
	got, err := ops.Get(t.Context(), r.Name)
	must(t, err)
	if string(got.Checkpoint) != "newer" {
		t.Errorf("the checkpoint is %q, want that of the last save", got.Checkpoint)
	}
}

// TestStartsThatArriveLate has the statement of a start reach the server after its connection was
// lost, the start was repeated, and the operation was done and removed: it does not run again.
func TestStartsThatArriveLate(t *testing.T) {
	for _, test := range []struct {
		name string
		op   *operation.Record
	}{
		{"without keys", newRecord()},
		{"with an idempotency key", newRecord(requested("key"))},
		{"with a conflict key", newRecord(conflicting("key"))},
	} {
		t.Run(test.name, func(t *testing.T) {
			held, ops, direct, _ := lateOperations(t, "returning create_time")
			release := sync.OnceFunc(func() { close(held.release) })
			defer release()
			create(t, ops, newRecord()) // measures the table
			first := claim(t, ops)
			held.cut(late)
			create(t, ops, test.op) // by its repetition
			if held.cuts.Load() != 1 {
				t.Fatal("no connection was cut")
			}
			r := claim(t, direct)
			must(t, direct.Finish(t.Context(), r.Name, r.Fence, succeeded))
			must(t, direct.Delete(t.Context(), r.Name))
			release()
			within(t, held.arrived)
			idle(t, direct)
			must(t, direct.Finish(t.Context(), first.Name, first.Fence, succeeded))
			create(t, ops, newRecord(requested("key"), conflicting("key")))
			claim(t, direct)
		})
	}
}

// TestRejectedStartThatArrivesLate has the statement of a start reach the server after the start
// was repeated and rejected because of a conflict: it has no effect when the conflict is over.
func TestRejectedStartThatArrivesLate(t *testing.T) {
	held, ops, direct, _ := lateOperations(t, "returning create_time")
	release := sync.OnceFunc(func() { close(held.release) })
	defer release()
	create(t, ops, newRecord(conflicting("key")))
	first := claim(t, ops)
	held.cut(late)
	_, _, err := ops.Create(t.Context(), newRecord(conflicting("key")), false)
	if conflict := (*operation.ConflictError)(nil); !errors.As(err, &conflict) {
		t.Fatalf("Create returned %v, want a conflict", err)
	}
	must(t, direct.Finish(t.Context(), first.Name, first.Fence, succeeded))
	release()
	within(t, held.arrived)
	idle(t, direct)
}

// TestRepeatsAreForgotten checks that the records of repeated starts do not stay.
func TestRepeatsAreForgotten(t *testing.T) {
	held, ops, direct, pool := lateOperations(t, "returning create_time")
	for range 2 {
		held.cut(before)
		create(t, ops, newRecord())
	}
	left := func(want int) {
		t.Helper()
		if _, err := direct.Expire(t.Context(), 10); err != nil {
			t.Fatal(err)
		}
		n := -1
		must(t, pool.QueryRow(t.Context(),
			"SELECT count(*) FROM "+newestSchema()+".operation_repeats").Scan(&n))
		if n != want {
			t.Errorf("%d repeats are kept, want %d", n, want)
		}
	}
	left(2)
	_, err := pool.Exec(t.Context(),
		"UPDATE "+newestSchema()+".operation_repeats SET time = time - interval '61 minutes'")
	must(t, err)
	left(0)
}
