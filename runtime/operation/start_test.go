package operation_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/grpcservice/grpcservice/runtime/batch"
	"github.com/grpcservice/grpcservice/runtime/idempotency"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/digest"
	"github.com/grpcservice/grpcservice/runtime/operation"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

func TestAnOperationEndsWithWhatItsWorkReturns(t *testing.T) {
	inTime(t, func(t *testing.T) {
		s := open(t, operation.Memory(), runtime.Operation{}, func(ctx context.Context, run *paintRun) (*paintResult, error) {
			time.Sleep(time.Minute)
			return wrapperspb.String(run.Name() + " in " + field(run.Request(), "colour")), nil
		})
		defer s.stop()
		synctest.Wait() // its workers have nothing to do
		began := time.Now()
		op := s.start(t.Context(), `parent: "houses/1" colour: "blue"`)
		if op.GetDone() || !strings.HasPrefix(op.GetName(), "operations/") || op.GetResult() != nil {
			t.Errorf("started: %v", op)
		}
		state, record := s.end(t.Context(), op.GetName())
		if got, want := unpackText(t, state.Response), op.GetName()+" in blue"; got != want {
			t.Errorf("the response is %q, want %q", got, want)
		}
		m := shown(t, state)
		if field(m, "target") != "houses/1" || field(m, "verb") != "paint" || field(m, "api_version") != "v1" || field(m, "requested_cancellation") != "false" {
			t.Errorf("metadata: %v", m)
		}
		if want := began.UTC().Add(time.Minute); !record.DoneTime.Equal(want) || !strings.Contains(field(m, "end_time"), "seconds") || record.Attempt != 1 {
			t.Errorf("done: %+v, metadata: %v", record, m)
		}
	})
}

// TestRequestsAreComparedWithinLimits checks that neither a deadline nor a size is passed over when
// a request is compared.
func TestRequestsAreComparedWithinLimits(t *testing.T) {
	inTime(t, func(t *testing.T) {
		s := open(t, operation.Memory(), runtime.Operation{}, func(context.Context, *paintRun) (*paintResult, error) {
			t.Error("the operation runs")
			return nil, nil
		})
		defer s.stop()
		done, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := s.method.Start(done, s.m, request(t, `request_id: "id"`)); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want that the context is canceled", err)
		}
		large := request(t, `request_id: "id" colour: "`+strings.Repeat("x", digest.MaxSize)+`"`)
		_, err := s.method.Start(t.Context(), s.m, large)
		if status.Code(err) != codes.ResourceExhausted || rpcerr.ReasonOf(err) != rpcerr.ReasonRequestTooLarge {
			t.Errorf("got %v, want RESOURCE_EXHAUSTED, REQUEST_TOO_LARGE", err)
		}
	})
}

// unpackText returns the text that was packed.
func unpackText(t testing.TB, packed *anypb.Any) string {
	t.Helper()
	text := &paintResult{}
	if err := packed.UnmarshalTo(text); err != nil {
		t.Fatalf("%v: %v", packed, err)
	}
	return text.GetValue()
}

func TestAnOperationFailsWithWhatItsCallerMayKnow(t *testing.T) {
	inTime(t, func(t *testing.T) {
		for name, test := range map[string]struct {
			err    error
			code   codes.Code
			text   string
			reason rpcerr.Reason
		}{
			"an error of the service": {
				rpcerr.Reason("paint.v1/NO_PAINT").Errorf(codes.FailedPrecondition, "no paint").WithCause(errors.New("secret")),
				codes.FailedPrecondition, "no paint", "paint.v1/NO_PAINT",
			},
			"an error of no status":    {errors.New("dial tcp 10.0.0.1: secret"), codes.Unknown, "unknown error", rpcerr.ReasonUnknown},
			"an error of another":      {rpcerr.Wrap(status.Error(codes.NotFound, "secret"), "find paint"), codes.NotFound, "find paint: not found", ""},
			"an error of some context": {context.DeadlineExceeded, codes.DeadlineExceeded, "deadline exceeded", ""},
		} {
			s := open(t, operation.Memory(), runtime.Operation{}, result("", test.err))
			state, record := s.end(t.Context(), s.start(t.Context(), ``).GetName())
			got := status.FromProto(state.Status)
			if got.Code() != test.code || got.Message() != test.text || rpcerr.ReasonOf(got.Err()) != test.reason || record.Attempt != 1 {
				t.Errorf("%s: ended with %v after %d attempts", name, got, record.Attempt)
			}
			if strings.Contains(string(record.Status), "secret") {
				t.Errorf("%s: the status tells a secret: %v", name, got)
			}
			s.stop()
		}
	})
}

func TestValidateOnlyStartsNothing(t *testing.T) {
	s := open(t, operation.Memory(), runtime.Operation{}, result("", nil))
	defer s.stop()
	for want, opts := range map[string][]operation.StartOption{"": nil, "blue": {operation.WithPreview(wrapperspb.String("blue"))}} {
		op := s.start(t.Context(), `validate_only: true request_id: "id"`, opts...)
		if !op.GetDone() || op.GetName() != "" || unpackText(t, op.GetResponse()) != want {
			t.Errorf("got %v, want a done operation with %q", op, want)
		}
	}
	if ops, _, err := s.m.List(t.Context(), operation.Query{}); err != nil || len(ops) != 0 {
		t.Errorf("there are %v, %v", ops, err)
	}
}

func TestARepeatedRequestGetsTheSameOperation(t *testing.T) {
	s := open(t, operation.Memory(), runtime.Operation{}, result("", nil))
	defer s.stop()
	ada := by(t.Context(), "ada")
	first := s.start(ada, `request_id: "id" colour: "blue" parent: "a"`)
	s.end(ada, first.GetName())
	if again := s.start(ada, `request_id: "id" colour: "blue" parent: "a"`); again.GetName() != first.GetName() || !again.GetDone() {
		t.Errorf("a repeat got %v, want %v", again, first)
	}
	if other := s.start(by(t.Context(), "eve"), `request_id: "id" colour: "blue"`); other.GetName() == first.GetName() {
		t.Error("another caller got it")
	}
	_, err := s.method.Start(ada, s.m, request(t, `request_id: "id" colour: "red" parent: "a"`))
	if status.Code(err) != codes.InvalidArgument || rpcerr.ReasonOf(err) != idempotency.ReasonRequestIDReused {
		t.Errorf("another request with its id got %v", err)
	}
	if v := rpcerr.FieldViolations(err); len(v) != 1 || v[0].Field != "request_id" {
		t.Errorf("violations: %v", v)
	}
	if strings.Contains(err.Error(), first.GetName()) || strings.Contains(err.Error(), "blue") {
		t.Errorf("%v tells of the other request", err)
	}
}

// A UUID is the same in letters of either case, whether the proto says that the field holds one or
// not.
func TestUUIDsAreTheSameInEitherLetterCase(t *testing.T) {
	inTime(t, func(t *testing.T) {
		s := open(t, operation.Memory(), runtime.Operation{}, untilAsked)
		defer s.stop()
		const id = "3b9f5ab1-0a0b-4c0d-8e0f-00000000000a"
		first := s.start(t.Context(), `request_id: "`+id+`"`)
		if again := s.start(t.Context(), `request_id: "`+strings.ToUpper(id)+`"`); again.GetName() != first.GetName() {
			t.Errorf("the request started %s and %s", first.GetName(), again.GetName())
		}
		if op, err := s.m.Get(t.Context(), first.GetName()); err != nil || op.IdempotencyKey != id {
			t.Errorf("the record has the id %q, %v", op.IdempotencyKey, err)
		}
		if other := s.start(t.Context(), `request_id: "A"`); other.GetName() == s.start(t.Context(), `request_id: "a"`).GetName() {
			t.Error("texts that are no UUIDs are the same in another letter case")
		}
		s.start(t.Context(), `parent: "`+id+`"`)
		_, err := s.method.Start(t.Context(), s.m, request(t, `parent: "`+strings.ToUpper(id)+`"`))
		if rpcerr.ReasonOf(err) != operation.ReasonConflict {
			t.Errorf("the conflict key in another letter case got %v", err)
		}
	})
}

func TestIdempotencyKeysThatAreRejected(t *testing.T) {
	s := open(t, operation.Memory(), runtime.Operation{}, result("", nil))
	defer s.stop()
	uuids := *s
	uuids.method = paintingWith(runtime.Policy{IdempotencyKey: runtime.IdempotencyKey{Field: "request_id", UUID4: true}})
	for name, test := range map[string]struct {
		shop *shop
		id   string
	}{
		"too long":  {s, strings.Repeat("x", 257)},
		"1 MiB":     {s, strings.Repeat("x", 1<<20)},
		"no UUID":   {&uuids, "1"},
		"version 1": {&uuids, "3b9f5ab1-0a0b-1c0d-8e0f-00000000000a"},
	} {
		_, err := test.shop.method.Start(t.Context(), s.m, request(t, `request_id: "`+test.id+`"`))
		if status.Code(err) != codes.InvalidArgument || rpcerr.ReasonOf(err) != rpcerr.ReasonInvalidRequest {
			t.Errorf("%s: got %v", name, err)
		}
		if v := rpcerr.FieldViolations(err); len(v) != 1 || v[0].Field != "request_id" {
			t.Errorf("%s: violations: %v", name, v)
		}
	}
	s.start(t.Context(), `request_id: "`+strings.Repeat("x", 256)+`"`)
}

func TestAConflictTellsItsNameToItsOwnerOnly(t *testing.T) {
	inTime(t, func(t *testing.T) {
		s := open(t, operation.Memory(), runtime.Operation{}, untilAsked)
		defer s.stop()
		first := s.start(by(t.Context(), "ada"), `parent: "houses/1"`)
		s.start(t.Context(), `parent: "houses/2"`)
		s.start(t.Context(), ``)
		s.start(t.Context(), ``)
		for who, want := range map[string]string{"ada": first.GetName(), "eve": ""} {
			_, err := s.method.Start(by(t.Context(), who), s.m, request(t, `parent: "houses/1"`))
			info, _ := rpcerr.Detail[*errdetails.ErrorInfo](err)
			if status.Code(err) != codes.Aborted || rpcerr.ReasonOf(err) != operation.ReasonConflict || info.GetMetadata()["operation"] != want {
				t.Errorf("%s got %v with %v, want ABORTED with %q", who, err, info.GetMetadata(), want)
			}
			if info.GetMetadata()["field"] != "parent" || !strings.Contains(status.Convert(err).Message(), "the same parent;") {
				t.Errorf("%v with %v does not name the field", err, info.GetMetadata())
			}
			if want == "" && strings.Contains(status.Convert(err).String(), first.GetName()) {
				t.Errorf("%v tells %s the name", err, who)
			}
		}
		if _, err := s.m.Cancel(by(t.Context(), "ada"), first.GetName()); err != nil {
			t.Fatal(err)
		}
		s.end(by(t.Context(), "ada"), first.GetName())
		s.start(by(t.Context(), "eve"), `parent: "houses/1"`)
	})
}

func TestConflictsQueue(t *testing.T) {
	inTime(t, func(t *testing.T) {
		running := 0
		s := open(t, operation.Memory(), runtime.Operation{OnConflict: runtime.QueueOnConflict}, func(context.Context, *paintRun) (*paintResult, error) {
			if running++; running > 1 {
				t.Error("two are running on one house")
			}
			time.Sleep(time.Second)
			running--
			return wrapperspb.String(""), nil
		})
		defer s.stop()
		var last string
		began := time.Now()
		for range 5 {
			last = s.start(t.Context(), `parent: "houses/1"`).GetName()
		}
		s.end(t.Context(), last)
		if took := time.Since(began); took != 5*time.Second {
			t.Errorf("5 took %v, want no wait between them", took)
		}
	})
}

func TestConflictsPreempt(t *testing.T) {
	inTime(t, func(t *testing.T) {
		s := open(t, operation.Memory(), runtime.Operation{OnConflict: runtime.PreemptOnConflict}, func(ctx context.Context, run *paintRun) (*paintResult, error) {
			if field(run.Request(), "colour") == "last" {
				return wrapperspb.String("painted"), nil
			}
			return untilAsked(ctx, run)
		}, operation.WithWorkers(1))
		defer s.stop()
		first := s.start(t.Context(), `parent: "houses/1"`).GetName()
		other := s.start(t.Context(), `parent: "houses/2"`).GetName()
		synctest.Wait()
		second := s.start(t.Context(), `parent: "houses/1"`).GetName()
		third := s.start(t.Context(), `parent: "houses/1" colour: "last"`).GetName()
		for _, name := range []string{first, second} {
			if state, _ := s.end(t.Context(), name); codes.Code(state.Status.GetCode()) != codes.Canceled {
				t.Errorf("%s ended with %v", name, state.Status)
			}
		}
		if op, err := s.m.Get(t.Context(), other); err != nil || op.Done() {
			t.Errorf("another house's is %+v, %v", op, err)
		}
		if _, err := s.m.Cancel(t.Context(), other); err != nil {
			t.Fatal(err)
		}
		if state, _ := s.end(t.Context(), third); unpackText(t, state.Response) != "painted" {
			t.Errorf("the last one ended with %v", state)
		}
	})
}

// Another principal's operation is never cancelled by a start: the second one gets the conflict.
func TestConflictsPreemptNoOtherPrincipal(t *testing.T) {
	inTime(t, func(t *testing.T) {
		s := open(t, operation.Memory(), runtime.Operation{OnConflict: runtime.PreemptOnConflict}, untilAsked)
		defer s.stop()
		ada, eve := by(t.Context(), "ada"), by(t.Context(), "eve")
		first := s.start(ada, `parent: "houses/1" request_id: "1"`).GetName()
		synctest.Wait()
		for _, deleted := range []bool{false, true} {
			if deleted {
				if err := s.m.Delete(ada, first); err != nil {
					t.Fatal(err)
				}
			}
			_, err := s.method.Start(eve, s.m, request(t, `parent: "houses/1" request_id: "2"`))
			if status.Code(err) != codes.Aborted || rpcerr.ReasonOf(err) != operation.ReasonConflict {
				t.Errorf("deleted: %v, another principal got %v, want ABORTED", deleted, err)
			}
			if op, err := s.store.Get(t.Context(), first); err != nil || op.Done() || !op.CancelTime.IsZero() {
				t.Errorf("deleted: %v, the first is %+v, %v, want it to run", deleted, op, err)
			}
			if ops, _, err := s.m.List(eve, operation.Query{}); err != nil || len(ops) > 0 {
				t.Errorf("there are %v, %v, want no operation that was not started", ops, err)
			}
		}
		second := s.start(ada, `parent: "houses/1" request_id: "3"`).GetName() // in place of a deleted one
		synctest.Wait()
		if _, err := s.store.Get(t.Context(), first); !errors.Is(err, operation.ErrNotFound) {
			t.Errorf("Get of the first returned %v, want that it was cancelled and is gone", err)
		}
		if again := s.start(ada, `parent: "houses/1" request_id: "3"`).GetName(); again != second {
			t.Errorf("a repeat started %s, want %s", again, second)
		}
	})
}

// Where Authorize lets a caller cancel the operations of others, the caller preempts them.
func TestConflictsPreemptWhatTheCallerMayCancel(t *testing.T) {
	inTime(t, func(t *testing.T) {
		s := open(t, operation.Memory(), runtime.Operation{OnConflict: runtime.PreemptOnConflict}, untilAsked,
			operation.WithAuthorizer(func(context.Context, *operation.Record) error { return nil }))
		defer s.stop()
		first := s.start(by(t.Context(), "ada"), `parent: "houses/1"`).GetName()
		synctest.Wait()
		s.start(by(t.Context(), "eve"), `parent: "houses/1"`)
		if state, _ := s.end(t.Context(), first); codes.Code(state.Status.GetCode()) != codes.Canceled {
			t.Errorf("the first ended with %v", state.Status)
		}
	})
}

// between adds another caller's operation just before one is added to a queue.
type between struct {
	operation.Store
	add func()
}

func (b *between) Create(ctx context.Context, op *operation.Record, queue bool) (*operation.Record, bool, error) {
	if add := b.add; queue && add != nil {
		b.add = nil
		add()
	}
	return b.Store.Create(ctx, op, queue)
}

// An operation of another principal that comes between the check and the start is not cancelled
// either.
func TestConflictsPreemptNoOtherPrincipalThatComesBetween(t *testing.T) {
	inTime(t, func(t *testing.T) {
		store := &between{Store: operation.Memory()}
		s := open(t, store, runtime.Operation{OnConflict: runtime.PreemptOnConflict}, untilAsked)
		defer s.stop()
		ada := by(t.Context(), "ada")
		first := s.start(ada, `parent: "houses/1"`).GetName()
		synctest.Wait()
		record, err := s.store.Get(t.Context(), first)
		if err != nil {
			t.Fatal(err)
		}
		other := *record
		other.Name, other.Principal = "operations/other", "eve"
		store.add = func() {
			if _, _, err := store.Store.Create(t.Context(), &other, true); err != nil {
				t.Error(err)
			}
		}
		for range 2 { // the idempotency key of what was not started is free
			_, err = s.method.Start(ada, s.m, request(t, `parent: "houses/1" request_id: "1"`))
			if status.Code(err) != codes.Aborted || rpcerr.ReasonOf(err) != operation.ReasonConflict {
				t.Errorf("got %v, want ABORTED", err)
			}
		}
		if op, err := store.Get(t.Context(), other.Name); err != nil || op.Done() || !op.CancelTime.IsZero() {
			t.Errorf("the other principal's is %+v, %v", op, err)
		}
		synctest.Wait()
		if ops, _, err := s.m.List(ada, operation.Query{}); err != nil || len(ops) > 1 {
			t.Errorf("there are %v, %v, want no operation that was not started", ops, err)
		}
	})
}

// A deleted operation goes on and holds its conflict key. Its principal learns which one it is, and
// can cancel it.
func TestADeletedOperationThatHoldsAConflictKeyCanBeCancelled(t *testing.T) {
	inTime(t, func(t *testing.T) {
		s := open(t, operation.Memory(), runtime.Operation{}, untilAsked)
		defer s.stop()
		ada := by(t.Context(), "ada")
		first := s.start(ada, `parent: "houses/1"`).GetName()
		synctest.Wait()
		if err := s.m.Delete(ada, first); err != nil {
			t.Fatal(err)
		}
		_, err := s.method.Start(ada, s.m, request(t, `parent: "houses/1"`))
		info, _ := rpcerr.Detail[*errdetails.ErrorInfo](err)
		if rpcerr.ReasonOf(err) != operation.ReasonConflict || info.GetMetadata()["operation"] != first {
			t.Fatalf("got %v with %v, want the name of the operation", err, info.GetMetadata())
		}
		if _, err := s.m.Cancel(by(t.Context(), "eve"), first); status.Code(err) != codes.NotFound {
			t.Errorf("another principal's Cancel returned %v", err)
		}
		if _, err := s.m.Get(ada, first); status.Code(err) != codes.NotFound {
			t.Errorf("Get returned %v", err)
		}
		if _, err := s.m.Cancel(ada, first); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		s.start(ada, `parent: "houses/1"`)
	})
}

func TestAConflictKeyOfItsOwnIsForAllMethods(t *testing.T) {
	s := open(t, operation.Memory(), runtime.Operation{}, untilAsked)
	defer s.stop()
	s.start(t.Context(), `parent: "houses/1"`, operation.WithConflictKey("paint pot"))
	s.start(t.Context(), `parent: "houses/1"`)
	if _, err := s.method.Start(t.Context(), s.m, request(t, `parent: "houses/2"`), operation.WithConflictKey("paint pot")); rpcerr.ReasonOf(err) != operation.ReasonConflict {
		t.Errorf("got %v", err)
	}
}

func TestABatchMustHaveTheRightSize(t *testing.T) {
	s := open(t, operation.Memory(), runtime.Operation{}, result("", nil))
	defer s.stop()
	method := painting(runtime.Operation{}, operation.Fields{Children: "walls"})
	for text, want := range map[string]rpcerr.Reason{
		``: batch.ReasonEmpty, `walls: ["1"]`: "", `walls: ["1","2","3","4","5"]`: "", `walls: ["1","2","3","4","5","6"]`: batch.ReasonTooLarge,
	} {
		_, err := method.Start(t.Context(), s.m, request(t, text))
		if rpcerr.ReasonOf(err) != want || want != "" && (status.Code(err) != codes.InvalidArgument || rpcerr.FieldViolations(err)[0].Field != "walls") {
			t.Errorf("%s: got %v", text, err)
		}
	}
}

func TestStartOptions(t *testing.T) {
	s := open(t, operation.Memory(), runtime.Operation{}, untilAsked, operation.WithNamePrefix("jobs"))
	defer s.stop()
	op := s.start(t.Context(), `parent: "houses/1"`, operation.WithParent("houses/1"), operation.WithTarget("walls"),
		operation.WithMetadata(set(t, &paintMetadata{}, `walls_done: 3 verb: "brush"`)))
	m := &paintMetadata{}
	if err := op.GetMetadata().UnmarshalTo(m); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(op.GetName(), "houses/1/jobs/") || field(m, "target") != "walls" || field(m, "verb") != "brush" || field(m, "walls_done") != "3" {
		t.Errorf("started: %v", op)
	}
}

func TestMistakesAreForTheLogOnly(t *testing.T) {
	s := open(t, operation.Memory(), runtime.Operation{}, nil)
	defer s.stop()
	for name, start := range map[string]func() error{
		"no handler": func() error {
			_, err := s.method.Start(t.Context(), s.m, &paintRequest{})
			return err
		},
		"no such field": func() error {
			_, err := painting(runtime.Operation{}, operation.Fields{IdempotencyKey: "id"}).Start(t.Context(), s.m, nil)
			return err
		},
		"a field of another type": func() error {
			_, err := painting(runtime.Operation{}, operation.Fields{ConflictKey: "walls"}).Start(t.Context(), s.m, nil)
			return err
		},
		"other metadata": func() error {
			s := open(t, operation.Memory(), runtime.Operation{}, result("", nil))
			defer s.stop()
			_, err := s.method.Start(t.Context(), s.m, nil, operation.WithMetadata(wrapperspb.String("")))
			return err
		},
	} {
		err := start()
		if st := status.Convert(err); st.Code() != codes.Internal || st.Message() != "internal error" || !strings.Contains(err.Error(), "/paint.v1.Painter/PaintWalls") {
			t.Errorf("%s: got %v, want INTERNAL with a cause for the log", name, err)
		}
	}
}

func TestStartOnlyNeedsNoHandler(t *testing.T) {
	inTime(t, func(t *testing.T) {
		store := operation.Memory()
		starter := open(t, store, runtime.Operation{}, nil, operation.WithStartOnly())
		defer starter.stop()
		op := starter.start(t.Context(), ``)
		worker := open(t, store, runtime.Operation{}, result("painted", nil))
		defer worker.stop()
		if state, _ := starter.end(t.Context(), op.GetName()); unpackText(t, state.Response) != "painted" {
			t.Errorf("ended with %v", state)
		}
	})
}

func TestAnEmptyConflictKeyIsNone(t *testing.T) {
	type method = operation.Method[any, descriptorpb.FileDescriptorProto, longrunningpb.Operation, paintResult, paintMetadata]
	var empty *method = operation.Of[paintResult, paintMetadata](runtime.MethodInfo{FullMethod: "/paint.v1.Painter/PaintFile"},
		func(any, context.Context, *descriptorpb.FileDescriptorProto) (*longrunningpb.Operation, error) {
			return nil, nil
		},
		operation.Fields{ConflictKey: "package"})
	m := operation.NewManager(operation.Memory(), operation.WithStartOnly())
	for range 2 {
		if _, err := empty.Start(t.Context(), m, &descriptorpb.FileDescriptorProto{Package: proto.String("")}); err != nil {
			t.Error(err)
		}
	}
}
