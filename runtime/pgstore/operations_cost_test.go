package pgstore_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/grpcservice/grpcservice/runtime/operation"
	"github.com/grpcservice/grpcservice/runtime/pgstore"
)

const method = "/test.v1.Jobs/Run"

var names atomic.Int64

// newRecord returns an operation.
func newRecord(change ...func(*operation.Record)) *operation.Record {
	r := &operation.Record{
		Name: fmt.Sprintf("operations/%06d", names.Add(1)), Method: method, Principal: "ada", Request: []byte("request"),
		Lease: time.Hour, Retain: time.Hour, MaxAttempts: 3,
	}
	for _, f := range change {
		f(r)
	}
	return r
}

func conflicting(key string) func(*operation.Record) {
	return func(r *operation.Record) { r.ConflictKey = key }
}

func requested(key string) func(*operation.Record) {
	return func(r *operation.Record) { r.IdempotencyKey = key }
}

// create adds an operation.
func create(tb testing.TB, ops *pgstore.Operations, r *operation.Record) *operation.Record {
	tb.Helper()
	stored, created, err := ops.Create(context.Background(), r, true)
	must(tb, err)
	if !created {
		tb.Fatalf("%s was not created, but %s found", r.Name, stored.Name)
	}
	return stored
}

// claim claims the only operation that is due.
func claim(tb testing.TB, ops *pgstore.Operations) *operation.Record {
	tb.Helper()
	claimed, err := ops.Claim(context.Background(), []string{method}, 2)
	must(tb, err)
	if len(claimed) != 1 {
		tb.Fatalf("%d operations are due, want one", len(claimed))
	}
	return claimed[0]
}

var succeeded = operation.Result{Response: []byte("ok")}

// TestRoundTrips checks the round trips of an operation from its start to its end.
func TestRoundTrips(t *testing.T) {
	pool, counted := newCountedPool(t)
	ops := open(t, pool, newSchema(t, pool)).Operations()
	ctx := t.Context()
	create(t, ops, newRecord()) // measures the table
	must(t, ops.Finish(ctx, claim(t, ops).Name, 1, succeeded))
	for _, test := range []struct {
		what string
		most int
		rec  *operation.Record
	}{
		{"an operation", 1, newRecord()},
		{"one with an idempotency key", 1, newRecord(requested("key"))},
		{"one with a conflict key", 2, newRecord(conflicting("key"))},
	} {
		var r *operation.Record
		for _, step := range []struct {
			what string
			most int
			run  func()
		}{
			{"start", 1, func() { create(t, ops, test.rec) }},
			{"claim", 1, func() { r = claim(t, ops) }},
			{"save", 1, func() {
				_, err := ops.Save(ctx, r.Name, r.Fence, operation.Progress{Checkpoint: []byte("1"), Number: 1})
				must(t, err)
			}},
			{"renewal", 1, func() {
				_, err := ops.Renew(ctx, r.Name, r.Fence)
				must(t, err)
			}},
			{"end", test.most, func() { must(t, ops.Finish(ctx, r.Name, r.Fence, succeeded)) }},
		} {
			if sent := counted.during(step.run); len(sent) > step.most {
				t.Errorf("the %s of %s took %d round trips, want %d: %q", step.what, test.what, len(sent), step.most, sent)
			}
		}
	}
}

// TestRenewalsShareAStatement checks that many leases cost one statement.
func TestRenewalsShareAStatement(t *testing.T) {
	pool, counted := newCountedPool(t)
	ops := open(t, pool, newSchema(t, pool)).Operations()
	const operations = 100
	for range operations {
		create(t, ops, newRecord())
	}
	claimed, err := ops.Claim(t.Context(), []string{method}, operations)
	must(t, err)
	_, err = ops.RequestCancel(t.Context(), claimed[0].Name, operation.Result{})
	must(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	sent := counted.during(func() {
		var all sync.WaitGroup
		for i, r := range claimed {
			all.Go(func() {
				fence := r.Fence
				if i == 1 {
					fence++
				}
				cancelled, err := ops.Renew(ctx, r.Name, fence)
				if cancelled != (i == 0) || (err != nil) != (i == 1) {
					t.Errorf("operation %d: %v, %v", i, cancelled, err)
				}
			})
		}
		all.Wait()
	})
	if len(sent) > operations/4 { // one, unless the goroutines start late
		t.Errorf("%d renewals took %d statements", operations, len(sent))
	}
}

// TestWatchCostsNoQuery checks that a watch reads once, and then learns of the change without
// reading again.
func TestWatchCostsNoQuery(t *testing.T) {
	pool, counted := newCountedPool(t)
	schema := newSchema(t, pool)
	here := open(t, pool, schema).Operations()
	other := open(t, newPool(t, url(t)), schema).Operations()
	// Once a change has been reported, the connection for notifications works.
	r := create(t, other, newRecord())
	first, err := here.Watch(t.Context(), r)
	must(t, err)
	_, err = other.RequestCancel(t.Context(), r.Name, operation.Result{Status: []byte("cancelled")})
	must(t, err)
	within(t, first)
	r = create(t, other, newRecord())
	var news <-chan struct{}
	sent := counted.during(func() {
		var err error
		news, err = here.Watch(t.Context(), r)
		must(t, err)
	})
	if len(sent) != 1 {
		t.Errorf("Watch sent %q, want one statement", sent)
	}
	sent = counted.during(func() {
		_, err := other.RequestCancel(t.Context(), r.Name, operation.Result{Status: []byte("cancelled")})
		must(t, err)
		within(t, news)
	})
	if len(sent) > 0 {
		t.Errorf("while it watched, the process sent %q", sent)
	}
}

// TestDueTellsOthers checks that another process learns of an operation that this one does not
// claim, and of one that it releases.
func TestDueTellsOthers(t *testing.T) {
	pool := newPool(t, url(t))
	schema := newSchema(t, pool)
	here, other := open(t, pool, schema).Operations(), open(t, pool, schema).Operations()
	within(t, other.Due()) // which comes once when the process starts to listen
	for _, step := range []func(){
		func() { create(t, here, newRecord()) },
		func() {
			r := claim(t, here)
			must(t, here.Release(t.Context(), r.Name, r.Fence, operation.Again{}))
		},
	} {
		due := other.Due()
		step()
		within(t, due)
	}
}
