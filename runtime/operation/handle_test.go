package operation_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/operation"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// upstream is an operation as its server answers for it: a script of how it is after so long, and
// of calls that fail.
type upstream struct {
	operation.Client
	noWait  bool          // WaitOperation is not implemented
	instant bool          // WaitOperation answers at once
	doneAt  time.Duration // when the operation is done
	ends    *longrunningpb.Operation
	fail    func(call int) error

	start time.Time
	calls atomic.Int64
}

func (s *upstream) now() *longrunningpb.Operation {
	elapsed := time.Since(s.start)
	if elapsed >= s.doneAt {
		return s.ends
	}
	return &longrunningpb.Operation{Name: "operations/1", Metadata: packed(wrapperspb.Int64(int64(elapsed / time.Second)))}
}

func (s *upstream) Get(ctx context.Context, _ string) (*longrunningpb.Operation, error) {
	if call := int(s.calls.Add(1)); s.fail != nil {
		if err := s.fail(call); err != nil {
			return nil, err
		}
	}
	return s.now(), nil
}

func (s *upstream) Wait(ctx context.Context, name string, timeout time.Duration) (*longrunningpb.Operation, error) {
	if s.noWait {
		s.calls.Add(1)
		return nil, status.Error(codes.Unimplemented, "no")
	}
	op, err := s.Get(ctx, name)
	if err != nil || s.instant {
		return op, err
	}
	select {
	case <-time.After(min(timeout, max(0, s.doneAt-time.Since(s.start)))):
	case <-ctx.Done():
		return nil, status.FromContextError(ctx.Err()).Err()
	}
	return s.now(), nil
}

// packed returns an Any of m.
func packed(m proto.Message) *anypb.Any {
	packed, err := anypb.New(m)
	if err != nil {
		panic(err) // m is one of a few here
	}
	return packed
}

// succeeded returns an operation that has.
func succeeded(with string) *longrunningpb.Operation {
	return &longrunningpb.Operation{
		Name: "operations/1", Done: true, Metadata: packed(wrapperspb.Int64(100)),
		Result: &longrunningpb.Operation_Response{Response: packed(wrapperspb.String(with))},
	}
}

// failed returns an operation that has.
func failed(code codes.Code, text string) *longrunningpb.Operation {
	return &longrunningpb.Operation{Name: "operations/1", Done: true,
		Result: &longrunningpb.Operation_Error{Error: &spb.Status{Code: int32(code), Message: text}}}
}

// jobs is a service of one long-running RPC.
type jobs struct {
	start func() (*longrunningpb.Operation, error)
}

func (j *jobs) Run(context.Context, *wrapperspb.StringValue) (*longrunningpb.Operation, error) {
	return j.start()
}

var jobsRun = operation.Of[wrapperspb.StringValue, wrapperspb.Int64Value](runtime.MethodInfo{FullMethod: "/test.Jobs/Run"}, (*jobs).Run, operation.Fields{})

type handle = operation.Handle[wrapperspb.StringValue, wrapperspb.Int64Value]

// started returns the handle of an operation that s has just begun.
func started(t *testing.T, s *upstream) *handle {
	t.Helper()
	s.start = time.Now()
	if s.ends == nil {
		s.ends = succeeded("yes")
	}
	h, err := jobsRun.Call(t.Context(), &jobs{func() (*longrunningpb.Operation, error) { return s.now(), nil }}, s, &wrapperspb.StringValue{})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestWaitReturnsTheResult(t *testing.T) {
	tests := map[string]struct {
		server                *upstream
		leastCalls, mostCalls int64
		latest                time.Duration // after the operation is done
	}{
		"done at once":                  {server: &upstream{}, latest: 0},
		"the server waits":              {server: &upstream{doneAt: 20 * time.Second}, leastCalls: 1, mostCalls: 1},
		"the server waits again":        {server: &upstream{doneAt: 95 * time.Second}, leastCalls: 4, mostCalls: 4},
		"no WaitOperation":              {server: &upstream{doneAt: time.Minute, noWait: true}, leastCalls: 8, mostCalls: 25, latest: 10 * time.Second},
		"WaitOperation answers at once": {server: &upstream{doneAt: time.Minute, instant: true}, leastCalls: 8, mostCalls: 25, latest: 10 * time.Second},
		"an hour without WaitOperation": {server: &upstream{doneAt: time.Hour, noWait: true}, leastCalls: 360, mostCalls: 800, latest: 10 * time.Second},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := test.server
				result, err := started(t, s).Wait(t.Context())
				if err != nil || result.GetValue() != "yes" {
					t.Errorf("Wait: %v, %v, want yes", result, err)
				}
				if late := time.Since(s.start) - s.doneAt; late > test.latest {
					t.Errorf("Wait returned %v after the operation was done, want %v at most", late, test.latest)
				}
				if calls := s.calls.Load(); calls < test.leastCalls || calls > test.mostCalls {
					t.Errorf("made %d calls, want %d to %d", calls, test.leastCalls, test.mostCalls)
				}
			})
		})
	}
}

// odd is a server whose WaitOperation is not what it should be.
type odd struct {
	*upstream
	wait  func(call int) (*longrunningpb.Operation, error)
	waits int
}

func (o *odd) Wait(ctx context.Context, _ string, timeout time.Duration) (*longrunningpb.Operation, error) {
	o.waits++
	select {
	case <-time.After(time.Second):
	case <-ctx.Done():
		return nil, status.FromContextError(ctx.Err()).Err()
	}
	return o.wait(o.waits)
}

func TestWaitDoesNotNeedWaitOperation(t *testing.T) {
	const doneAt = 5 * time.Minute
	fails := func(code codes.Code) func(int) (*longrunningpb.Operation, error) {
		return func(int) (*longrunningpb.Operation, error) { return nil, status.Error(code, "odd") }
	}
	answers := func(op *longrunningpb.Operation) func(int) (*longrunningpb.Operation, error) {
		return func(int) (*longrunningpb.Operation, error) { return op, nil }
	}
	for name, test := range map[string]struct {
		wait      func(call int) (*longrunningpb.Operation, error)
		opts      []operation.WaitOption
		mostWaits int
	}{
		"done without a result": {wait: answers(&longrunningpb.Operation{Name: "operations/1", Done: true}), mostWaits: 1},
		"done with an empty result": {wait: answers(&longrunningpb.Operation{
			Name: "operations/1", Done: true, Result: &longrunningpb.Operation_Response{Response: &anypb.Any{}},
		}), mostWaits: 1},
		"done at random, as the showcase": {wait: func(call int) (*longrunningpb.Operation, error) {
			if call < 4 {
				return &longrunningpb.Operation{Name: "operations/1"}, nil
			}
			return &longrunningpb.Operation{Name: "operations/1", Done: true, Result: &longrunningpb.Operation_Response{}}, nil
		}, mostWaits: 4},
		"unimplemented":    {wait: fails(codes.Unimplemented), mostWaits: 1},
		"not found":        {wait: fails(codes.NotFound), mostWaits: 1},
		"not permitted":    {wait: fails(codes.PermissionDenied), mostWaits: 1},
		"not understood":   {wait: fails(codes.InvalidArgument), mostWaits: 1},
		"internal":         {wait: fails(codes.Internal), mostWaits: 1},
		"unknown":          {wait: fails(codes.Unknown), mostWaits: 1},
		"always cut off":   {wait: fails(codes.Unavailable), mostWaits: 4},
		"never in time":    {wait: fails(codes.DeadlineExceeded), mostWaits: 4},
		"never asked":      {wait: fails(codes.Internal), opts: []operation.WaitOption{operation.WithPollOnly()}},
		"never, with time": {wait: fails(codes.Internal), opts: []operation.WaitOption{operation.WithPollOnly(), operation.WithInterval(time.Second)}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &odd{upstream: &upstream{doneAt: doneAt, ends: succeeded("yes"), start: time.Now()}, wait: test.wait}
				h := jobsRun.Named(s, "operations/1")
				result, err := h.Wait(t.Context(), test.opts...)
				if err != nil || result.GetValue() != "yes" {
					t.Errorf("Wait: %v, %v, want yes", result, err)
				}
				if late := time.Since(s.start) - doneAt; late < 0 || late > 10*time.Second {
					t.Errorf("Wait returned %v after the operation was done", late)
				}
				if calls := s.calls.Load(); s.waits > test.mostWaits || calls > 800 {
					t.Errorf("WaitOperation was called %d times, want %d at most, and GetOperation %d times", s.waits, test.mostWaits, calls)
				}
			})
		})
	}
}

// A server that was away may wait again when it is back.
func TestWaitOutlastsARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &upstream{doneAt: time.Hour, fail: func(call int) error {
			if call >= 10 && call < 14 {
				return status.Error(codes.Unavailable, "restarting")
			}
			return nil
		}}
		if _, err := started(t, s).Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		if late := time.Since(s.start) - s.doneAt; late > 0 {
			t.Errorf("Wait returned %v after the operation was done, want that the server waited", late)
		}
	})
}

func TestAResultOfAnotherTypeIsNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ends := succeeded("yes")
		ends.Result = &longrunningpb.Operation_Response{Response: packed(wrapperspb.Int64(1))}
		_, err := started(t, &upstream{ends: ends}).Wait(t.Context())
		if want := `operations/1: the response is a "google.protobuf.Int64Value", want a "google.protobuf.StringValue"`; err == nil || err.Error() != want {
			t.Errorf("Wait: %v, want %s", err, want)
		}
		ends = succeeded("yes")
		ends.Metadata = packed(wrapperspb.String("no number"))
		h := started(t, &upstream{ends: ends})
		if _, err := h.Metadata(); err == nil || err.Error() != `operations/1: the metadata is a "google.protobuf.StringValue", want a "google.protobuf.Int64Value"` {
			t.Errorf("Metadata: %v", err)
		}
	})
}

func TestAFailedOperationIsNotAFailedCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := started(t, &upstream{doneAt: time.Second, ends: failed(codes.NotFound, "no such shelf")})
		_, err := h.Wait(t.Context())
		var asFailed *operation.Failed
		if !errors.As(err, &asFailed) || asFailed.Name != "operations/1" {
			t.Fatalf("Wait: %v, want a *Failed", err)
		}
		if want := "operation operations/1 failed: NOT_FOUND: no such shelf"; err.Error() != want {
			t.Errorf("error is %q, want %q", err, want)
		}
		if status.Code(err) != codes.NotFound || status.Code(errors.Unwrap(err)) != codes.NotFound {
			t.Errorf("codes are %v and %v, want NOT_FOUND", status.Code(err), status.Code(errors.Unwrap(err)))
		}
	})
	_, err := jobsRun.Call(t.Context(), &jobs{func() (*longrunningpb.Operation, error) { return nil, status.Error(codes.Aborted, "busy") }},
		&upstream{}, &wrapperspb.StringValue{})
	if asFailed := new(operation.Failed); errors.As(err, &asFailed) || status.Code(err) != codes.Aborted {
		t.Errorf("Call that fails: %v, want ABORTED, and no *Failed", err)
	}
}

func TestAnErrorThatSaysOKIsAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, err := started(t, &upstream{ends: failed(codes.OK, "odd")}).Wait(t.Context())
		if status.Code(err) != codes.Unknown {
			t.Errorf("Wait: %v, want UNKNOWN", err)
		}
	})
}

func TestWaitBearsCallsThatFail(t *testing.T) {
	unavailable := status.Error(codes.Unavailable, "restarting")
	tests := map[string]struct {
		fail func(call int) error
		opts []operation.WaitOption
		want codes.Code
		most int64 // calls
		last time.Duration
	}{
		"for a while":                {fail: upTo(9, unavailable), want: codes.OK, most: 11},
		"now and then":               {fail: everySecond(unavailable), want: codes.OK, most: 300, last: time.Hour},
		"for too long":               {fail: upTo(1000, unavailable), want: codes.Unavailable, most: 11},
		"not at all":                 {fail: upTo(1, unavailable), opts: []operation.WaitOption{operation.WithTolerance(0)}, want: codes.Unavailable, most: 1},
		"no answer in time":          {fail: upTo(3, status.Error(codes.DeadlineExceeded, "slow")), want: codes.OK, most: 10},
		"not what will not pass":     {fail: upTo(1000, status.Error(codes.NotFound, "deleted")), want: codes.NotFound, most: 2},
		"no quota, who knows":        {fail: upTo(1, status.Error(codes.ResourceExhausted, "quota")), want: codes.ResourceExhausted, most: 1},
		"no quota for three seconds": {fail: upTo(1, retryIn(codes.ResourceExhausted, 3*time.Second)), want: codes.OK, most: 3},
		"not until tomorrow":         {fail: upTo(1, retryIn(codes.Unavailable, 24*time.Hour)), want: codes.Unavailable, most: 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &upstream{doneAt: cmp.Or(test.last, 40*time.Second), fail: test.fail}
				_, err := started(t, s).Wait(t.Context(), test.opts...)
				if status.Code(err) != test.want {
					t.Errorf("Wait: %v, want %v", err, test.want)
				}
				if calls := s.calls.Load(); calls > test.most {
					t.Errorf("made %d calls, want %d at most", calls, test.most)
				}
			})
		})
	}
}

// upTo fails the first calls.
func upTo(calls int, err error) func(int) error {
	return func(call int) error {
		if call <= calls {
			return err
		}
		return nil
	}
}

// everySecond fails every second call.
func everySecond(err error) func(int) error {
	return func(call int) error {
		if call%2 == 0 {
			return err
		}
		return nil
	}
}

func retryIn(code codes.Code, delay time.Duration) error {
	return rpcerr.Reason("LATER").Errorf(code, "later").WithRetryAfter(delay)
}

func TestWaitHonoursTheServersWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var second time.Duration
		s := &upstream{}
		s.doneAt = time.Second
		s.fail = func(call int) error {
			if call == 1 {
				return retryIn(codes.Unavailable, 30*time.Second)
			}
			second = time.Since(s.start)
			return nil
		}
		if _, err := started(t, s).Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		if second < 30*time.Second || second > 31*time.Second {
			t.Errorf("called again after %v, want 30 s and a little", second)
		}
	})
}

func TestWaitEndsWithItsContext(t *testing.T) {
	for name, s := range map[string]*upstream{"waiting": {doneAt: time.Hour}, "polling": {doneAt: time.Hour, noWait: true},
		"failing": {doneAt: time.Hour, fail: upTo(1000, retryIn(codes.Unavailable, time.Minute))}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 45*time.Second)
				defer cancel()
				h := started(t, s)
				_, err := h.Wait(ctx)
				if !errors.Is(err, context.DeadlineExceeded) || status.Code(err) != codes.DeadlineExceeded {
					t.Errorf("Wait: %v, want an error that is the context's, and DEADLINE_EXCEEDED", err)
				}
				if took := time.Since(s.start); took != 45*time.Second {
					t.Errorf("Wait took %v, want 45 s", took)
				}
				if asFailed := new(operation.Failed); errors.As(err, &asFailed) || h.Done() {
					t.Errorf("Wait: %v, and Done %v: want an operation that goes on", err, h.Done())
				}
			})
		})
	}
}

func TestProgressYieldsEachChangeUntilTheEnd(t *testing.T) {
	for _, noWait := range []bool{false, true} {
		t.Run(fmt.Sprintf("polling=%v", noWait), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &upstream{doneAt: 5 * time.Second, noWait: noWait, ends: succeeded("yes")}
				h := started(t, s)
				var seen []int64
				for progress, err := range h.Progress(t.Context()) {
					if err != nil {
						t.Fatal(err)
					}
					seen = append(seen, progress.GetValue())
				}
				if !slices.IsSorted(seen) || len(slices.Compact(slices.Clone(seen))) != len(seen) || len(seen) < 5 || seen[len(seen)-1] != 100 {
					t.Errorf("saw %v, want each second once, and 100 at last", seen)
				}
				calls := s.calls.Load()
				if result, err := h.Wait(t.Context()); err != nil || result.GetValue() != "yes" || s.calls.Load() != calls {
					t.Errorf("Wait after Progress: %v, %v after %d more calls; want yes without a call", result, err, s.calls.Load()-calls)
				}
			})
		})
	}
}

func TestProgressOfAFailedOperationEndsWithoutAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := started(t, &upstream{doneAt: time.Second, ends: failed(codes.Canceled, "cancelled")})
		for _, err := range h.Progress(t.Context()) {
			if err != nil {
				t.Errorf("Progress yields %v", err)
			}
		}
		if _, err := h.Wait(t.Context()); status.Code(err) != codes.Canceled {
			t.Errorf("Wait: %v, want CANCELLED", err)
		}
	})
}

func TestProgressYieldsWhyItCannotGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &upstream{doneAt: time.Hour, fail: func(call int) error {
			if call > 3 {
				return status.Error(codes.PermissionDenied, "no longer")
			}
			return nil
		}}
		var last error
		for _, err := range started(t, s).Progress(t.Context()) {
			if last != nil {
				t.Error("something follows an error")
			}
			last = err
		}
		if status.Code(last) != codes.PermissionDenied {
			t.Errorf("Progress ends with %v, want PERMISSION_DENIED", last)
		}
	})
}

func TestProgressEndsWhenTheLoopIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // which fails on goroutines that are left
		s := &upstream{doneAt: time.Hour}
		for range started(t, s).Progress(t.Context()) {
			break
		}
		if calls := s.calls.Load(); calls != 0 {
			t.Errorf("made %d calls, want none: the start has told the progress", calls)
		}
	})
}

func TestANamedOperationIsAskedForAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &upstream{doneAt: time.Hour, noWait: true, start: time.Now()}
		h := jobsRun.Named(s, "operations/1")
		if metadata, err := h.Metadata(); metadata != nil || err != nil || h.Done() || h.Operation() != nil {
			t.Error("a name alone says something of the operation")
		}
		for range h.Progress(t.Context()) {
			break
		}
		if took := time.Since(s.start); took != 0 {
			t.Errorf("the first progress came after %v", took)
		}
		if metadata, err := h.Metadata(); err != nil || metadata == nil {
			t.Errorf("metadata is %v, %v after Progress", metadata, err)
		}
	})
}

func TestPollTellsWithoutWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &upstream{doneAt: time.Minute}
		h := started(t, s)
		if done, err := h.Poll(t.Context()); done || err != nil {
			t.Errorf("Poll: %v, %v, want not done", done, err)
		}
		time.Sleep(time.Minute)
		if done, err := h.Poll(t.Context()); !done || err != nil {
			t.Errorf("Poll: %v, %v, want done", done, err)
		}
	})
}

// lagging is a client whose first answer is out of date when it comes: another call has learned
// meanwhile that the operation is done.
type lagging struct {
	operation.Client
	meanwhile func()
	asked     int
}

func (l *lagging) Get(context.Context, string) (*longrunningpb.Operation, error) {
	if l.asked++; l.asked > 1 {
		return succeeded("yes"), nil
	}
	l.meanwhile()
	return &longrunningpb.Operation{Name: "operations/1"}, nil
}

func TestADoneOperationStaysDone(t *testing.T) {
	l := &lagging{}
	h := jobsRun.Named(l, "operations/1")
	l.meanwhile = func() {
		if done, err := h.Poll(t.Context()); !done || err != nil {
			t.Errorf("Poll: %v, %v, want done", done, err)
		}
	}
	if done, err := h.Poll(t.Context()); !done || err != nil || !h.Done() {
		t.Errorf("an answer that is out of date: %v, %v, want done", done, err)
	}
}

func TestResultsOfOtherTypes(t *testing.T) {
	done := func(response *anypb.Any) *upstream {
		op := &longrunningpb.Operation{Name: "operations/1", Done: true}
		if response != nil {
			op.Result = &longrunningpb.Operation_Response{Response: response}
		}
		return &upstream{ends: op}
	}
	untyped := operation.Of[anypb.Any, anypb.Any](runtime.MethodInfo{}, (*jobs).Run, operation.Fields{})
	if result, err := untyped.Named(done(packed(wrapperspb.String("x"))), "operations/1").Wait(t.Context()); err != nil || !result.MessageIs(&wrapperspb.StringValue{}) {
		t.Errorf("a result of a type that is not known: %v, %v, want it packed", result, err)
	}
	empty := operation.Of[emptypb.Empty, emptypb.Empty](runtime.MethodInfo{}, (*jobs).Run, operation.Fields{})
	if result, err := empty.Named(done(nil), "operations/1").Wait(t.Context()); err != nil || result == nil {
		t.Errorf("no result where none is expected: %v, %v", result, err)
	}
	if _, err := jobsRun.Named(done(nil), "operations/1").Wait(t.Context()); err == nil {
		t.Error("an operation without a result gives one")
	}
	if _, err := jobsRun.Named(done(packed(wrapperspb.Bool(true))), "operations/1").Wait(t.Context()); err == nil {
		t.Error("a result of another type is taken")
	}
}

func TestAValidatedRequestHasItsResultWithoutACall(t *testing.T) {
	op := succeeded("valid")
	op.Name = ""
	s := &upstream{}
	h, err := jobsRun.Call(t.Context(), &jobs{func() (*longrunningpb.Operation, error) { return op, nil }}, s, nil)
	if err != nil {
		t.Fatal(err)
	}
	if result, err := h.Wait(t.Context()); err != nil || result.GetValue() != "valid" || s.calls.Load() != 0 {
		t.Errorf("Wait: %v, %v after %d calls", result, err, s.calls.Load())
	}
	nameless := &jobs{func() (*longrunningpb.Operation, error) { return &longrunningpb.Operation{}, nil }}
	if _, err := jobsRun.Call(t.Context(), nameless, s, nil); status.Code(err) != codes.Internal {
		t.Errorf("Call that answers with an operation that nobody can ask for: %v, want INTERNAL", err)
	}
}

// cut is a server behind a proxy that ends each call after some seconds.
type cut struct {
	*upstream
	after time.Duration
}

func (c cut) Wait(ctx context.Context, name string, timeout time.Duration) (*longrunningpb.Operation, error) {
	short, cancel := context.WithTimeout(ctx, c.after)
	defer cancel()
	op, err := c.upstream.Wait(short, name, timeout)
	if err != nil && ctx.Err() == nil {
		return nil, status.Error(codes.Unavailable, "upstream request timeout")
	}
	return op, err
}

func TestWaitOutlastsAProxyThatCutsEachWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &upstream{start: time.Now(), doneAt: time.Hour, ends: succeeded("yes")}
		h := jobsRun.Named(cut{s, 15 * time.Second}, "operations/1")
		if result, err := h.Wait(t.Context()); err != nil || result.GetValue() != "yes" {
			t.Errorf("Wait: %v, %v", result, err)
		}
		if took := time.Since(s.start); took > time.Hour+11*time.Second {
			t.Errorf("Wait took %v, want an hour and a pause at most", took)
		}
		if calls := s.calls.Load(); calls > 600 {
			t.Errorf("made %d calls", calls)
		}
	})
}
