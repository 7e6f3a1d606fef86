package storetest

import (
	"errors"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/grpcservice/grpcservice/runtime/operation"
)

var createTests = []testCase{
	{"a created operation is kept as it is", testCreateKeeps},
	{"times are the store's", testCreateTimes},
	{"an idempotency key makes one operation", testIdempotencyKey},
	{"idempotency keys are of a method and a principal", testIdempotencyKeyScope},
	{"requests with one id that come at once make one operation", testIdempotencyKeyRace},
	{"a conflict key is free when its operation is done", testConflict},
	{"one of many operations gets a conflict key", testConflictRace},
	{"queued operations are due one after the other", testQueue},
	{"a queued operation that is cancelled lets the next one pass", testQueueCancelled},
}

func testCreateKeeps(s *suite) {
	want := op(requested("id"), about("key"), func(r *operation.Record) {
		r.Scopes = []string{"read", "write"}
		r.Digest = [32]byte{1, 2, 31: 3}
		r.Carrier = map[string]string{"traceparent": "00-1-2-01"}
		r.Timeout = time.Minute
	})
	s.created(want)
	got := *s.now(want.Name)
	got.CreateTime, got.UpdateTime, got.RunAfter = time.Time{}, time.Time{}, time.Time{}
	if diff := cmp.Diff(want, &got); diff != "" {
		s.Error(diff)
	}
	if _, err := s.Get(s.ctx, "operations/unknown"); !errors.Is(err, operation.ErrNotFound) {
		s.Errorf("Get of an unknown operation returned %v", err)
	}
}

func testCreateTimes(s *suite) {
	long := time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC)
	r := s.created(op(func(r *operation.Record) {
		r.CreateTime, r.UpdateTime, r.RunAfter, r.DoneTime, r.LeaseUntil, r.CancelTime = long, long, long.AddDate(200, 0, 0), long, long, long
		r.Fence, r.Attempt, r.Saves = 7, 7, 7
	}))
	if !recent(r.CreateTime) || !recent(r.UpdateTime) || r.Done() || !r.CancelTime.IsZero() ||
		r.Fence != 0 || r.Attempt != 0 || r.Saves != 0 {
		s.Errorf("created: %+v, want times of the store and a beginning", r)
	}
	if got := s.claimOne(); got.Name != r.Name || !recent(got.StartTime) || got.LeaseUntil.Sub(got.UpdateTime) != got.Lease {
		s.Errorf("claimed: %+v", got)
	}
}

func testIdempotencyKey(s *suite) {
	first := s.created(op(requested("id"), func(r *operation.Record) { r.Digest[0] = 1 }))
	for range 2 {
		got, created, err := s.Create(s.ctx, op(requested("id"), func(r *operation.Record) { r.Digest[0] = 2 }), false)
		s.must(err)
		if created || got.Name != first.Name || got.Digest[0] != 1 {
			s.Errorf("a repeat made %s, created: %v, want %s", got.Name, created, first.Name)
		}
		if r, err := s.Claim(s.ctx, []string{method}, 1); err == nil && len(r) == 1 {
			s.must(s.Finish(s.ctx, r[0].Name, r[0].Fence, operation.Result{Response: []byte("ok")}))
		}
	}
}

func testIdempotencyKeyScope(s *suite) {
	s.created(op(requested("id")))
	s.created(op(requested("id"), func(r *operation.Record) { r.Method = otherMethod }))
	s.created(op(requested("id"), func(r *operation.Record) { r.Principal = "eve" }))
	s.created(op(requested("id"), func(r *operation.Record) { r.Principal = "" }))
	s.created(op())
	s.created(op())
	if n := len(s.claimed(10, method, otherMethod)); n != 6 {
		s.Errorf("%d operations are due, want 6", n)
	}
}

// testIdempotencyKeyRace sends concurrent requests with few keys.
func testIdempotencyKeyRace(s *suite) {
	const ids, repeats = 4, 16
	var made [ids][]string
	var mu sync.Mutex
	var all sync.WaitGroup
	for i := range ids * repeats {
		all.Go(func() {
			got, _, err := s.Create(s.ctx, op(requested(strconv.Itoa(i%ids))), false)
			if err != nil {
				s.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			made[i%ids] = append(made[i%ids], got.Name)
		})
	}
	all.Wait()
	for id, names := range made {
		if len(slices.Compact(slices.Sorted(slices.Values(names)))) != 1 {
			s.Errorf("requests with id %d made %v", id, names)
		}
	}
}

func testConflict(s *suite) {
	first := s.created(op(about("key")))
	_, _, err := s.Create(s.ctx, op(about("key")), false)
	if conflict := (*operation.ConflictError)(nil); !errors.As(err, &conflict) || conflict.Other.Name != first.Name {
		s.Fatalf("Create returned %v, want a conflict with %s", err, first.Name)
	}
	s.created(op(about("other key"), func(r *operation.Record) { r.Method = otherMethod }))
	running := s.claimOne()
	if _, _, err := s.Create(s.ctx, op(about("key")), false); err == nil {
		s.Error("there is no conflict with an operation that runs")
	}
	s.must(s.Finish(s.ctx, running.Name, running.Fence, operation.Result{Status: []byte("failed")}))
	s.created(op(about("key")))
}

func testConflictRace(s *suite) {
	var all sync.WaitGroup
	results := make(chan error, 16)
	for range cap(results) {
		all.Go(func() {
			_, _, err := s.Create(s.ctx, op(about("key")), false)
			results <- err
		})
	}
	all.Wait()
	close(results)
	created := 0
	for err := range results {
		if conflict := (*operation.ConflictError)(nil); err == nil {
			created++
		} else if !errors.As(err, &conflict) {
			s.Error(err)
		}
	}
	if created != 1 {
		s.Errorf("%d operations have the key at once, want 1", created)
	}
}

func testQueue(s *suite) {
	var want []string
	for range 3 {
		r := s.created(op(about("key")), true)
		if len(want) > 0 && !r.CreateTime.After(s.now(want[len(want)-1]).CreateTime) {
			s.Errorf("%s was not created after the one before", r.Name)
		}
		want = append(want, r.Name)
	}
	s.created(op(about("other")), true)
	if n := len(s.claimed(10)); n != 2 {
		s.Fatalf("%d operations are due, want one of each key", n)
	}
	s.idle()
	first := s.now(want[0])
	s.must(s.Release(s.ctx, first.Name, first.Fence, operation.Again{}))
	for _, name := range want {
		r := s.claimOne()
		if r.Name != name {
			s.Fatalf("due: %s, want %s", r.Name, name)
		}
		s.must(s.Finish(s.ctx, r.Name, r.Fence, operation.Result{Response: []byte("ok")}))
	}
	s.idle()
}

func testQueueCancelled(s *suite) {
	first := s.running(about("key"))
	second := s.created(op(about("key")), true)
	third := s.created(op(about("key")), true)
	if r, err := s.RequestCancel(s.ctx, second.Name, operation.Result{Status: []byte("cancelled")}); err != nil || !r.Done() {
		s.Fatalf("cancelled: %+v, %v, want done at once", r, err)
	}
	s.idle()
	s.must(s.Finish(s.ctx, first.Name, first.Fence, operation.Result{Response: []byte("ok")}))
	if r := s.claimOne(); r.Name != third.Name {
		s.Errorf("due: %s, want %s", r.Name, third.Name)
	}
}
