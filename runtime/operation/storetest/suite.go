package storetest

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/grpcservice/grpcservice/runtime/operation"
)

// testCase is one test of the suite.
type testCase struct {
	name string
	run  func(s *suite)
}

// suite is a test with a separate store.
type suite struct {
	*testing.T
	operation.Store
	ctx context.Context
}

const (
	method      = "/test.v1.Jobs/Run"
	otherMethod = "/test.v1.Jobs/Stop"
	// short is a lease or delay that the tests wait for.
	short = 30 * time.Millisecond
)

var names atomic.Int64

// op returns an operation modified by f.
func op(f ...func(r *operation.Record)) *operation.Record {
	r := &operation.Record{
		Name: fmt.Sprintf("operations/%06d", names.Add(1)), Method: method, Principal: "ada",
		Request: []byte("request"), Metadata: []byte("metadata"),
		Lease: time.Hour, Retain: time.Hour, MaxAttempts: 3,
	}
	for _, change := range f {
		change(r)
	}
	return r
}

// lasting sets the lease of an operation.
func lasting(lease time.Duration) func(*operation.Record) {
	return func(r *operation.Record) { r.Lease = lease }
}

// about sets the conflict key of an operation.
func about(key string) func(*operation.Record) {
	return func(r *operation.Record) { r.ConflictKey = key }
}

// requested sets the idempotency key of an operation.
func requested(id string) func(*operation.Record) {
	return func(r *operation.Record) { r.IdempotencyKey = id }
}

// must fails the test if err is not nil.
func (s *suite) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// created adds an operation.
func (s *suite) created(r *operation.Record, queue ...bool) *operation.Record {
	s.Helper()
	stored, created, err := s.Create(s.ctx, r, len(queue) > 0)
	s.must(err)
	if !created || stored.Name != r.Name {
		s.Fatalf("Create of %s returned %s, created: %v", r.Name, stored.Name, created)
	}
	return stored
}

// claimed claims up to n operations at once.
func (s *suite) claimed(n int, methods ...string) []*operation.Record {
	s.Helper()
	if len(methods) == 0 {
		methods = []string{method}
	}
	ops, err := s.Claim(s.ctx, methods, n)
	s.must(err)
	return ops
}

// running adds an operation and claims it.
func (s *suite) running(f ...func(*operation.Record)) *operation.Record {
	s.Helper()
	s.created(op(f...))
	return s.claimOne()
}

// claimOne claims the only operation that is due.
func (s *suite) claimOne() *operation.Record {
	s.Helper()
	ops := s.claimed(2)
	if len(ops) != 1 {
		s.Fatalf("%d operations are due, want one: %v", len(ops), namesOf(ops))
	}
	return ops[0]
}

// claimSoon claims the only operation that will be due.
func (s *suite) claimSoon() *operation.Record {
	s.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if ops := s.claimed(1); len(ops) == 1 {
			return ops[0]
		}
	}
	s.Fatal("nothing was due within 20 s")
	return nil
}

// idle fails the test if an operation is due.
func (s *suite) idle() {
	s.Helper()
	if ops := s.claimed(10, method, otherMethod); len(ops) != 0 {
		s.Fatalf("due: %v, want nothing", namesOf(ops))
	}
}

// now returns the current state of an operation.
func (s *suite) now(name string) *operation.Record {
	s.Helper()
	r, err := s.Get(s.ctx, name)
	s.must(err)
	return r
}

// found returns the names of the operations that match a query.
func (s *suite) found(q operation.Query) []string {
	s.Helper()
	ops, _, err := s.List(s.ctx, q)
	s.must(err)
	return namesOf(ops)
}

// same fails the test if two lists of names differ.
func (s *suite) same(what string, got []string, want ...string) {
	s.Helper()
	if strings.Join(got, " ") != strings.Join(want, " ") {
		s.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func namesOf(ops []*operation.Record) (names []string) {
	for _, r := range ops {
		names = append(names, r.Name)
	}
	return names
}

// recent reports whether the store set a time recently. It tolerates a clock that is up to a day
// off, because the tests do not cover clocks.
func recent(at time.Time) bool { return time.Since(at).Abs() < 24*time.Hour }
