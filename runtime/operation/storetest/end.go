package storetest

import (
	"errors"
	"time"

	"github.com/grpcservice/grpcservice/runtime/operation"
)

var endTests = []testCase{
	{"a finished operation has its result", testFinish},
	{"an operation that nobody holds is cancelled at once", testCancelIdle},
	{"who holds an operation learns that it is cancelled", testCancelHeld},
	{"an operation whose lease is over is cancelled at once", testCancelLost},
	{"a cancelled operation that is given back is due at once", testCancelReleased},
	{"a done operation cannot be cancelled", testCancelDone},
	{"a deleted operation is gone", testDeleteDone},
	{"a deleted operation that runs goes on", testDeleteRunning},
	{"a deleted operation that runs can be cancelled", testDeleteCancel},
	{"what has expired is removed", testExpire},
}

func testFinish(s *suite) {
	r := s.running()
	s.must(s.Finish(s.ctx, r.Name, r.Fence, operation.Result{Response: []byte("response")}))
	got := s.now(r.Name)
	if !got.Done() || string(got.Response) != "response" || len(got.Status) != 0 || string(got.Metadata) != "metadata" {
		s.Errorf("done: %+v", got)
	}
	if got.ExpireTime.Sub(got.DoneTime) != got.Retain || !recent(got.DoneTime) {
		s.Errorf("done at %v, expires at %v", got.DoneTime, got.ExpireTime)
	}
	r = s.running(func(r *operation.Record) { r.Retain = -1 })
	s.must(s.Finish(s.ctx, r.Name, r.Fence, operation.Result{Status: []byte("status"), Metadata: []byte("last")}))
	got = s.now(r.Name)
	if !got.Done() || string(got.Status) != "status" || len(got.Response) != 0 || string(got.Metadata) != "last" || !got.ExpireTime.IsZero() {
		s.Errorf("failed: %+v", got)
	}
	s.idle()
}

// cancel cancels an operation.
func (s *suite) cancel(name string) *operation.Record {
	s.Helper()
	r, err := s.RequestCancel(s.ctx, name, operation.Result{Status: []byte("cancelled"), Metadata: []byte("end")})
	s.must(err)
	return r
}

func testCancelIdle(s *suite) {
	r := s.created(op())
	if got := s.cancel(r.Name); !got.Done() || !recent(got.CancelTime) || string(got.Status) != "cancelled" || string(got.Metadata) != "end" {
		s.Errorf("cancelled: %+v, want done", got)
	}
	if !s.now(r.Name).Done() {
		s.Error("it is not done")
	}
	s.idle()
	if _, err := s.RequestCancel(s.ctx, "operations/unknown", operation.Result{}); !errors.Is(err, operation.ErrNotFound) {
		s.Errorf("RequestCancel of an unknown operation returned %v", err)
	}
}

func testCancelHeld(s *suite) {
	r := s.running()
	first := s.cancel(r.Name)
	if first.Done() || !recent(first.CancelTime) {
		s.Errorf("cancelled: %+v, want to be cancelled by who holds it", first)
	}
	if again := s.cancel(r.Name); !again.CancelTime.Equal(first.CancelTime) {
		s.Errorf("it was cancelled at %v, and again at %v", first.CancelTime, again.CancelTime)
	}
	if cancelled, err := s.Renew(s.ctx, r.Name, r.Fence); !cancelled || err != nil {
		s.Errorf("Renew returned %v, %v", cancelled, err)
	}
	if cancelled, err := s.Save(s.ctx, r.Name, r.Fence, progress(1, "half")); !cancelled || err != nil {
		s.Errorf("Save returned %v, %v", cancelled, err)
	}
	s.must(s.Finish(s.ctx, r.Name, r.Fence, operation.Result{Response: []byte("done all the same")}))
}

func testCancelLost(s *suite) {
	r := s.running(lasting(time.Millisecond))
	time.Sleep(short)
	if got := s.cancel(r.Name); !got.Done() {
		s.Errorf("cancelled: %+v, want done", got)
	}
	if err := s.Finish(s.ctx, r.Name, r.Fence, operation.Result{Response: []byte("late")}); !errors.Is(err, operation.ErrLeaseLost) {
		s.Errorf("Finish returned %v", err)
	}
}

func testCancelReleased(s *suite) {
	r := s.running()
	s.cancel(r.Name)
	s.must(s.Release(s.ctx, r.Name, r.Fence, operation.Again{After: time.Hour}))
	if got := s.claimOne(); got.Name != r.Name || got.CancelTime.IsZero() {
		s.Errorf("claimed %+v", got)
	}
}

func testCancelDone(s *suite) {
	r := s.running()
	s.must(s.Finish(s.ctx, r.Name, r.Fence, operation.Result{Response: []byte("ok")}))
	if got := s.cancel(r.Name); !got.CancelTime.IsZero() || string(got.Response) != "ok" || len(got.Status) != 0 {
		s.Errorf("cancelled: %+v, want no change", got)
	}
}

// gone fails the test if the operation exists.
func (s *suite) gone(name string) {
	s.Helper()
	_, get := s.Get(s.ctx, name)
	_, cancel := s.RequestCancel(s.ctx, name, operation.Result{})
	for _, err := range []error{get, cancel, s.Delete(s.ctx, name)} {
		if !errors.Is(err, operation.ErrNotFound) {
			s.Errorf("got %v, want ErrNotFound", err)
		}
	}
	s.same("a list", s.found(operation.Query{Prefix: name}))
}

func testDeleteDone(s *suite) {
	r := s.running(requested("id"))
	s.must(s.Finish(s.ctx, r.Name, r.Fence, operation.Result{Response: []byte("ok")}))
	s.must(s.Delete(s.ctx, r.Name))
	s.gone(r.Name)
	s.created(op(requested("id")))
}

// hidden fails the test unless the operation was deleted and is not done.
func (s *suite) hidden(name string) {
	s.Helper()
	if r := s.now(name); !recent(r.DeleteTime) || r.Done() {
		s.Errorf("deleted: %+v, want a DeleteTime and no end", r)
	}
	if err := s.Delete(s.ctx, name); !errors.Is(err, operation.ErrNotFound) {
		s.Errorf("a second Delete returned %v, want ErrNotFound", err)
	}
	s.same("a list", s.found(operation.Query{Prefix: name}))
	s.same("a list with deleted ones", s.found(operation.Query{Prefix: name, Deleted: true}), name)
}

func testDeleteRunning(s *suite) {
	r := s.running(requested("id"), about("key"))
	s.must(s.Delete(s.ctx, r.Name))
	s.hidden(r.Name)
	if cancelled, err := s.Renew(s.ctx, r.Name, r.Fence); cancelled || err != nil {
		s.Errorf("Renew returned %v, %v, want the work to go on", cancelled, err)
	}
	if got, created, err := s.Create(s.ctx, op(requested("id")), false); err != nil || created || got.Name != r.Name {
		s.Errorf("a repeat made %v, %v, %v, want the one that was deleted", got, created, err)
	}
	if _, _, err := s.Create(s.ctx, op(about("key")), false); err == nil {
		s.Error("its conflict key is free")
	}
	s.must(s.Finish(s.ctx, r.Name, r.Fence, operation.Result{Response: []byte("ok")}))
	s.gone(r.Name)
	s.created(op(requested("id"), about("key")))
}

func testDeleteCancel(s *suite) {
	held, idle := s.running(about("held")), s.created(op(about("idle")))
	s.must(s.Delete(s.ctx, held.Name))
	s.must(s.Delete(s.ctx, idle.Name))
	s.hidden(held.Name)
	s.hidden(idle.Name)
	if r := s.cancel(idle.Name); !r.Done() {
		s.Errorf("cancelled: %+v, want done", r)
	}
	s.gone(idle.Name)
	s.created(op(about("idle")))
	if r := s.cancel(held.Name); r.Done() || !recent(r.CancelTime) {
		s.Errorf("cancelled: %+v, want to be cancelled by the worker that holds it", r)
	}
	if cancelled, err := s.Renew(s.ctx, held.Name, held.Fence); !cancelled || err != nil {
		s.Errorf("Renew returned %v, %v", cancelled, err)
	}
	s.must(s.Finish(s.ctx, held.Name, held.Fence, operation.Result{Status: []byte("cancelled")}))
	s.gone(held.Name)
	s.created(op(about("held")))
}

func testExpire(s *suite) {
	var last *operation.Record
	for _, retain := range []time.Duration{0, time.Millisecond, 2 * time.Millisecond, time.Hour, -1} {
		last = s.running(func(r *operation.Record) { r.Retain = retain })
		s.must(s.Finish(s.ctx, last.Name, last.Fence, operation.Result{Response: []byte("ok")}))
	}
	running := s.running()
	time.Sleep(short)
	expired := 0
	for range 5 {
		n, err := s.Expire(s.ctx, 2)
		s.must(err)
		if n > 2 {
			s.Errorf("%d expired at once, want 2 at most", n)
		}
		expired += n
	}
	remaining := s.found(operation.Query{Prefix: "operations/"})
	if len(remaining) != 3 || remaining[1] != last.Name || remaining[2] != running.Name || expired > 3 {
		s.Errorf("%d expired, remaining: %v", expired, remaining)
	}
}
