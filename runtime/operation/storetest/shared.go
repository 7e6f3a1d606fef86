package storetest

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/grpcservice/grpcservice/runtime/operation"
)

// sharedBytes is the size of the stores of [RunShared].
const sharedBytes = 4 << 20

// payload is the size of requests and responses in bytes, large enough that the rest of a record
// hardly matters.
const payload = 20_000

// RunShared runs tests of how principals share a store, as [operation.Store] requires, on stores
// that newStore makes, each empty and with room for maxBytes. What an operation takes besides what
// is in its record is for the store to say: up to 4 KiB.
func RunShared(t *testing.T, newStore func(t *testing.T, maxBytes int) operation.Store) {
	for _, test := range sharedTests {
		t.Run(test.name, func(t *testing.T) {
			test.run(&suite{T: t, Store: newStore(t, sharedBytes), ctx: t.Context()})
		})
	}
}

var sharedTests = []testCase{
	{"operations that are not done leave others room", testStartsShared},
	{"operations are bounded by their bytes", testStartsBytes},
	{"done operations of a principal cost others none", testDoneShared},
	{"an operation that is done has no request", testDoneRequest},
	{"what is saved leaves others room", testSaveShared},
	{"a result that is too large is rejected, and a short status is not", testResultTooLarge},
	{"an operation can be cancelled in a full store", testCancelFull},
	{"a small result is kept among many principals", testManyPrincipals},
}

// by sets the principal of an operation.
func by(principal string) func(*operation.Record) {
	return func(r *operation.Record) { r.Principal = principal }
}

// large gives an operation a request of [payload] bytes.
func large(r *operation.Record) { r.Request = make([]byte, payload) }

// fill adds operations until the store has no room for another one of the principal.
func (s *suite) fill(f ...func(*operation.Record)) (names []string) {
	s.Helper()
	for len(names) < sharedBytes {
		r, _, err := s.Create(s.ctx, op(f...), false)
		if errors.Is(err, operation.ErrFull) {
			return names
		}
		s.must(err)
		names = append(names, r.Name)
	}
	s.Fatalf("%d operations were added, and the store still has room", len(names))
	return nil
}

// done adds an operation and finishes it.
func (s *suite) done(r operation.Result, f ...func(*operation.Record)) string {
	s.Helper()
	started := s.running(f...)
	s.must(s.Finish(s.ctx, started.Name, started.Fence, r))
	return started.Name
}

// stored returns how many of the operations the store has.
func (s *suite) stored(names ...string) (n int) {
	s.Helper()
	for _, name := range names {
		if _, err := s.Get(s.ctx, name); err == nil {
			n++
		} else if !errors.Is(err, operation.ErrNotFound) {
			s.Fatal(err)
		}
	}
	return n
}

func testStartsShared(s *suite) {
	ada, eve, bob := s.fill(by("ada"), large), s.fill(by("eve"), large), s.fill(by("bob"), large)
	if len(eve) < len(ada)/3 || len(bob) < len(ada)/6 || len(bob) == 0 {
		s.Errorf("the principals added %d, %d and %d operations, want at least a half of what the others left, one after the other",
			len(ada), len(eve), len(bob))
	}
	if all := slices.Concat(ada, eve, bob); s.stored(all...) != len(all) {
		s.Errorf("%d of %d operations are left that are not done", s.stored(all...), len(all))
	}
}

func testStartsBytes(s *suite) {
	if n := len(s.fill(large)); n > sharedBytes/payload || n < sharedBytes/payload/3 {
		s.Errorf("%d operations of %d bytes were added, in a store of %d", n, payload, sharedBytes)
	}
	if _, _, err := s.Create(s.ctx, op(by("eve"), func(r *operation.Record) { r.Request = make([]byte, sharedBytes) }), false); !errors.Is(err, operation.ErrFull) {
		s.Errorf("Create of what is larger than the store returned %v, want ErrFull", err)
	}
	s.created(op(by("eve")))
}

func testDoneShared(s *suite) {
	result := operation.Result{Response: make([]byte, payload)}
	var eve, ada []string
	for range 4 {
		eve = append(eve, s.done(result, by("eve")))
	}
	for i := range 2 * sharedBytes / payload {
		ada = append(ada, s.done(result, by("ada"), func(r *operation.Record) { r.Retain = 2*time.Hour + time.Duration(i)*time.Second }))
	}
	if n := s.stored(eve...); n != len(eve) {
		s.Errorf("%d of %d operations are left of the principal that has few", n, len(eve))
	}
	if n := s.stored(ada[len(ada)-10:]...); n != 10 {
		s.Errorf("%d of the last 10 operations are left of the principal that has many", n)
	}
	if n := s.stored(ada[:len(ada)/3]...); n > 0 {
		s.Errorf("%d operations are left that expire first, in a store for half of them", n)
	}
}

func testDoneRequest(s *suite) {
	var names []string
	for range 2 * sharedBytes / payload {
		names = append(names, s.done(operation.Result{Response: []byte("response")}, large))
	}
	if n := s.stored(names...); n != len(names) {
		s.Errorf("%d of %d operations are left, want those to take no room for their requests that are done", n, len(names))
	}
	if r := s.now(names[0]); len(r.Request) > 0 {
		s.Errorf("the operation has %d bytes of its request, want none when it is done", len(r.Request))
	}
}

func testSaveShared(s *suite) {
	r := s.running(by("ada"))
	s.fill(by("ada"), large)
	number := int64(1)
	_, err := s.Save(s.ctx, r.Name, r.Fence, progress(number, "more metadata"))
	s.must(err) // running operations may continue briefly
	for size := payload; err == nil; size *= 2 {
		if size > 2*sharedBytes {
			s.Fatal("a store took more than it has room for")
		}
		number++
		more := operation.Progress{Checkpoint: make([]byte, size), Number: number}
		_, err = s.Save(s.ctx, r.Name, r.Fence, more)
	}
	if !errors.Is(err, operation.ErrFull) {
		s.Errorf("Save returned %v, want ErrFull", err)
	}
	if got := s.now(r.Name); string(got.Metadata) != "more metadata" || got.Saves != number-1 {
		s.Errorf("the operation has the metadata %q of the save %d, want that of %d, the last accepted",
			got.Metadata, got.Saves, number-1)
	}
	if n := len(s.fill(by("eve"), large)); n < sharedBytes/payload/12 {
		s.Errorf("another principal added %d operations, want at least a half of what was left", n)
	}
	if _, err := s.Renew(s.ctx, r.Name, r.Fence); err != nil {
		s.Errorf("Renew returned %v", err)
	}
}

func testResultTooLarge(s *suite) {
	var ada []string
	for range 10 {
		ada = append(ada, s.done(operation.Result{Response: make([]byte, payload)}, by("ada")))
	}
	r := s.running(by("eve"))
	s.fill(by("eve"))
	s.fill(by("bob"))
	for _, result := range []operation.Result{
		{Response: make([]byte, sharedBytes)}, {Status: make([]byte, sharedBytes)}, {Status: []byte("failed"), Metadata: make([]byte, sharedBytes)},
	} {
		if err := s.Finish(s.ctx, r.Name, r.Fence, result); !errors.Is(err, operation.ErrFull) {
			s.Errorf("Finish with %d bytes in a store of %d returned %v, want ErrFull", sharedBytes, sharedBytes, err)
		}
	}
	if got := s.now(r.Name); got.Done() || string(got.Metadata) != "metadata" {
		s.Errorf("a rejected result left %+v", got)
	}
	if n := s.stored(ada...); n != len(ada) {
		s.Errorf("%d of %d operations are left beside a result that was rejected", n, len(ada))
	}
	status := slices.Repeat([]byte("x"), operation.ReservedStatusBytes)
	s.must(s.Finish(s.ctx, r.Name, r.Fence, operation.Result{Status: status}))
	if got := s.now(r.Name); string(got.Status) != string(status) {
		s.Errorf("done with the status %.20q", got.Status)
	}
}

func testCancelFull(s *suite) {
	names := s.fill(by("ada"), large)
	s.fill(by("eve"), large)
	for _, name := range names {
		if r := s.cancel(name); !r.Done() {
			s.Errorf("cancelled: %+v, want done", r)
		}
	}
	s.created(op(by("ada"), large))
}

func testManyPrincipals(s *suite) {
	for i := range 300 {
		if name := s.done(operation.Result{Response: make([]byte, payload)}, by(fmt.Sprint(i))); s.stored(name) != 1 {
			s.Fatalf("the operation of principal %d is not kept", i)
		}
	}
	if name := s.done(operation.Result{Response: make([]byte, 2*payload)}, by("new")); s.stored(name) != 1 {
		s.Error("a result that takes more than those of others is not kept")
	}
}
