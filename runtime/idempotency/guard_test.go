package idempotency_test

import (
	"context"
	"errors"
	"math"
	goruntime "runtime"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bufbuild/protocompile"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/idempotency"
	"github.com/grpcservice/grpcservice/runtime/policy"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"github.com/grpcservice/grpcservice/runtime/server"
)

const thingsProto = `
edition = "2023";
package things.v1;
import "google/protobuf/wrappers.proto";
service Things { rpc Create(CreateRequest) returns (google.protobuf.StringValue); }
message CreateRequest {
  string name = 1;
  string request_id = 2;
  bool validate_only = 3;
  Header header = 4;
  int64 number = 5;
  map<string, string> labels = 6;
  repeated string ids = 7;
}
message Header { string id = 1; string language = 2; }
`

// create describes the RPC of thingsProto, with a policy.
func create(t testing.TB, p runtime.Policy) runtime.MethodInfo {
	t.Helper()
	compiler := protocompile.Compiler{Resolver: protocompile.WithStandardImports(&protocompile.SourceResolver{
		Accessor: protocompile.SourceAccessorFromMap(map[string]string{"things.proto": thingsProto}),
	})}
	files, err := compiler.Compile(context.Background(), "things.proto")
	if err != nil {
		t.Fatal(err)
	}
	return runtime.MethodInfo{
		Service: "things.v1.Things", Name: "Create", FullMethod: "/things.v1.Things/Create", Policy: p,
		Descriptor: files[0].Services().Get(0).Methods().Get(0),
	}
}

var byIdempotencyKey = runtime.Policy{IdempotencyKey: runtime.IdempotencyKey{Field: "request_id", Window: time.Hour}}

// guarded is one RPC under test.
type guarded struct {
	t       testing.TB
	request protoreflect.MessageDescriptor
	answer  server.IdempotencyFunc
	runs    int // of the method
}

func guard(t testing.TB, p runtime.Policy, store idempotency.Store, opts ...idempotency.Option) *guarded {
	t.Helper()
	info := create(t, p)
	return &guarded{t: t, request: info.Descriptor.Input(), answer: idempotency.New(store, opts...).Bind(info)}
}

// call makes a call whose method returns the result of method, or "done" and the number of runs.
func (g *guarded) call(ctx context.Context, request string, method func(context.Context) (proto.Message, error)) (string, error) {
	g.t.Helper()
	req := dynamicpb.NewMessage(g.request)
	if err := prototext.Unmarshal([]byte(request), req); err != nil {
		g.t.Fatal(err)
	}
	resp, err := g.answer(ctx, req, func(ctx context.Context) (proto.Message, error) {
		g.runs++
		if method != nil {
			return method(ctx)
		}
		return wrapperspb.String("done " + strings.Repeat("I", g.runs)), nil
	})
	if err != nil {
		return "", err
	}
	return resp.(*wrapperspb.StringValue).GetValue(), nil
}

// says checks the response of a call.
func (g *guarded) says(request, want string) {
	g.t.Helper()
	if got, err := g.call(context.Background(), request, nil); got != want || err != nil {
		g.t.Errorf("%s: got %q, %v; want %q", request, got, err, want)
	}
}

// rejects checks the code and the reason of an error, and the field in its violation.
func rejects(t testing.TB, err error, code codes.Code, reason rpcerr.Reason, field string) {
	t.Helper()
	if status.Code(err) != code || rpcerr.ReasonOf(err) != reason {
		t.Errorf("got %v, want %v with reason %s", err, code, reason)
	}
	var fields []string
	for _, detail := range status.Convert(err).Details() {
		if bad, ok := detail.(*errdetails.BadRequest); ok {
			for _, v := range bad.GetFieldViolations() {
				fields = append(fields, v.GetField())
			}
		}
	}
	if got := strings.Join(fields, ","); got != field {
		t.Errorf("the error is about the field %q, want %q", got, field)
	}
}

const id, otherID = "1b4e28ba-2fa1-4d2b-883f-0016d3cca427", "2b4e28ba-2fa1-4d2b-883f-0016d3cca427"

func TestARepeatGetsTheFirstResponse(t *testing.T) {
	g := guard(t, byIdempotencyKey, idempotency.Memory())
	const request = `name: "a" request_id: "1" labels { key: "x" value: "1" } labels { key: "y" value: "2" } labels { key: "z" value: "3" }`
	g.says(request, "done I")
	for range 10 {
		g.says(request, "done I")
	}
	g.says(`name: "a" request_id: "2"`, "done II")
	g.says(`name: "a"`, "done III")
	g.says(`name: "a"`, "done IIII") // without a key, the guard cannot recognize it
}

func TestAnIDCannotBeReused(t *testing.T) {
	g := guard(t, byIdempotencyKey, idempotency.Memory())
	g.says(`name: "a" request_id: "1"`, "done I")
	for _, request := range []string{`name: "b" request_id: "1"`, `request_id: "1"`, `name: "a" request_id: "1" number: 1`} {
		_, err := g.call(t.Context(), request, nil)
		rejects(t, err, codes.InvalidArgument, idempotency.ReasonRequestIDReused, "request_id")
	}
	_, err := g.call(t.Context(), `name: "x" request_id: "2"`, func(ctx context.Context) (proto.Message, error) {
		_, err := g.call(ctx, `name: "y" request_id: "2"`, nil)
		return nil, err
	})
	rejects(t, err, codes.InvalidArgument, idempotency.ReasonRequestIDReused, "request_id")
}

func TestACallThatFailsLeavesNothing(t *testing.T) {
	failures := map[string]func(context.Context) (proto.Message, error){
		"error":       func(context.Context) (proto.Message, error) { return nil, errors.New("no") },
		"final error": func(context.Context) (proto.Message, error) { return nil, status.Error(codes.AlreadyExists, "there") },
		"panic":       func(context.Context) (proto.Message, error) { panic("no") },
		"not encoded": func(context.Context) (proto.Message, error) { return wrapperspb.String("\xff"), nil },
		"caller gone": func(ctx context.Context) (proto.Message, error) { return nil, context.Canceled },
		"its own Save": func(ctx context.Context) (proto.Message, error) {
			return nil, idempotency.Save(ctx, "no tx", wrapperspb.String(""))
		},
	}
	for name, failure := range failures {
		t.Run(name, func(t *testing.T) {
			g := guard(t, byIdempotencyKey, idempotency.Memory())
			func() {
				defer func() { _ = recover() }()
				if _, err := g.call(t.Context(), `request_id: "1"`, failure); err == nil {
					t.Error("the call has not failed")
				}
			}()
			g.says(`request_id: "1" name: "another"`, "done II")
		})
	}
}

func TestAMethodThatEndsItsGoroutineFreesTheID(t *testing.T) {
	g := guard(t, byIdempotencyKey, idempotency.Memory())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = g.call(t.Context(), `request_id: "1"`, func(context.Context) (proto.Message, error) {
			goruntime.Goexit()
			return nil, nil
		})
	}()
	<-ended
	g.says(`request_id: "1"`, "done II")
}

func TestTheResponseIsKeptAlthoughTheCallerIsGone(t *testing.T) {
	g := guard(t, byIdempotencyKey, punctual{idempotency.Memory()})
	ctx, cancel := context.WithCancel(t.Context())
	_, _ = g.call(ctx, `request_id: "1"`, func(context.Context) (proto.Message, error) {
		cancel()
		return wrapperspb.String("too late"), nil
	})
	g.says(`request_id: "1"`, "too late")
}

func TestTheIDIsFreeAlthoughTheCallerIsGone(t *testing.T) {
	g := guard(t, byIdempotencyKey, punctual{idempotency.Memory()})
	ctx, cancel := context.WithCancel(t.Context())
	_, _ = g.call(ctx, `request_id: "1"`, func(ctx context.Context) (proto.Message, error) {
		cancel()
		return nil, ctx.Err()
	})
	g.says(`request_id: "1"`, "done II")
}

// punctual is a store that does nothing once the context is done, like one over a network.
type punctual struct{ idempotency.Store }

func (s punctual) Finish(ctx context.Context, key idempotency.Key, fence idempotency.Fence, response []byte, window time.Duration) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return s.Store.Finish(ctx, key, fence, response, window)
}

func (s punctual) Release(ctx context.Context, key idempotency.Key, fence idempotency.Fence) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return s.Store.Release(ctx, key, fence)
}

func TestResponsesAreKeptForTheWindow(t *testing.T) {
	for name, test := range map[string]struct {
		said, want time.Duration
	}{
		"of the policy": {time.Minute, time.Minute},
		"by default":    {0, policy.DefaultIdempotencyWindow},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := guard(t, runtime.Policy{IdempotencyKey: runtime.IdempotencyKey{Field: "request_id", Window: test.said}}, idempotency.Memory())
				g.says(`request_id: "1"`, "done I")
				time.Sleep(test.want - 1)
				g.says(`request_id: "1"`, "done I")
				time.Sleep(time.Nanosecond)
				g.says(`request_id: "1"`, "done II")
			})
		})
	}
}

func TestIDsThatCannotBe(t *testing.T) {
	uuids := byIdempotencyKey
	uuids.IdempotencyKey.UUID4 = true
	g := guard(t, uuids, idempotency.Memory())
	_, err := g.call(t.Context(), `request_id: "1"`, nil)
	rejects(t, err, codes.InvalidArgument, rpcerr.ReasonInvalidRequest, "request_id")
	g.says(`request_id: "`+id+`"`, "done I")
	g.says(`request_id: "`+strings.ToUpper(id)+`"`, "done I") // the same UUID
	g.says(`request_id: "`+otherID+`"`, "done II")
	g.says(``, "done III")

	g = guard(t, byIdempotencyKey, idempotency.Memory())
	_, err = g.call(t.Context(), `request_id: "`+strings.Repeat("x", idempotency.MaxIdempotencyKey+1)+`"`, nil)
	rejects(t, err, codes.InvalidArgument, rpcerr.ReasonInvalidRequest, "request_id")
	g.says(`request_id: "`+strings.Repeat("x", idempotency.MaxIdempotencyKey)+`"`, "done I")
	g.says(`request_id: "`+id+`"`, "done II")
	// A UUID, whether the proto declares the format or not
	g.says(`request_id: "`+strings.ToUpper(id)+`"`, "done II")
	g.says(`request_id: "order-a"`, "done III")
	g.says(`request_id: "ORDER-A"`, "done IIII")
}

func TestAnIDInsideAMessage(t *testing.T) {
	nested := runtime.Policy{IdempotencyKey: runtime.IdempotencyKey{Field: "header.id"}}
	g := guard(t, nested, idempotency.Memory())
	g.says(`header { id: "1" language: "de" }`, "done I")
	g.says(`header { id: "1" language: "de" }`, "done I")
	g.says(`header { language: "de" }`, "done II")
	g.says(``, "done III")
	_, err := g.call(t.Context(), `header { id: "1" language: "en" }`, nil)
	rejects(t, err, codes.InvalidArgument, idempotency.ReasonRequestIDReused, "header.id")
}

func TestWhatHasNoEffectIsNotGuarded(t *testing.T) {
	g := guard(t, byIdempotencyKey, idempotency.Memory())
	g.says(`request_id: "1" validate_only: true`, "done I")
	g.says(`request_id: "1" validate_only: true`, "done II")
	g.says(`request_id: "1"`, "done III")
	g.says(`request_id: "1" validate_only: true`, "done IIII")
}

func TestMethodsThatAreNotGuarded(t *testing.T) {
	operation := byIdempotencyKey
	operation.Operation.Lease = time.Second
	reads := byIdempotencyKey
	reads.Idempotency = runtime.NoSideEffects
	for name, p := range map[string]runtime.Policy{"no idempotency key": {}, "starts an operation": operation, "reads": reads} {
		if f := idempotency.New(idempotency.Memory()).Bind(create(t, p)); f != nil {
			t.Errorf("%s: the method is guarded", name)
		}
	}
}

// Generated code guarantees that the proto has the field that a policy names; handwritten code does
// not. Without the field, no call runs unguarded.
func TestFieldsThatCannotBe(t *testing.T) {
	for field, text := range map[string]string{
		"nope": "has no field nope", "header.nope": "has no field header.nope", "name.x": "has no field name.x",
		"ids": "is repeated", "labels": "is repeated", "number": "is not a string", "header": "is not a string",
	} {
		g := guard(t, runtime.Policy{IdempotencyKey: runtime.IdempotencyKey{Field: field}}, idempotency.Memory())
		_, err := g.call(t.Context(), ``, nil)
		rejects(t, err, codes.Internal, rpcerr.ReasonInternal, "")
		if err == nil || !strings.Contains(err.Error(), text) || strings.Contains(status.Convert(err).Message(), field) || g.runs > 0 {
			t.Errorf("%s: the log has %v, want %q; the method ran %d times", field, err, text, g.runs)
		}
	}
}

func TestWhileTheFirstCallIsRunning(t *testing.T) {
	const request = `request_id: "1"`
	tests := map[string]struct {
		wait    time.Duration
		hedged  bool          // clients make concurrent attempts
		retried bool          // clients retry after a failure
		claimed bool          // the second call claims to be a retry
		limit   time.Duration // of the second call
		after   time.Duration // when the second call returns
		code    codes.Code
	}{
		"a second is rejected":                    {0, false, false, false, time.Hour, 0, codes.Aborted},
		"a second waits for so long":              {5 * time.Second, false, false, false, time.Hour, 5 * time.Second, codes.Aborted},
		"a second waits for the response":         {20 * time.Second, false, false, false, time.Hour, 10 * time.Second, codes.OK},
		"a second waits until its deadline":       {20 * time.Second, false, false, false, 3 * time.Second, 3 * time.Second, codes.DeadlineExceeded},
		"the twin of a hedged call waits":         {0, true, false, false, time.Hour, 10 * time.Second, codes.OK},
		"another attempt waits":                   {0, false, true, false, time.Hour, 10 * time.Second, codes.OK},
		"what a caller claims counts for nothing": {0, false, false, true, time.Hour, 0, codes.Aborted},
		"another attempt has its deadline, too":   {0, false, true, false, 3 * time.Second, 3 * time.Second, codes.DeadlineExceeded},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := byIdempotencyKey
				if test.hedged {
					p.Hedging.MaxAttempts = 2
				}
				if test.retried {
					p.Retry.MaxAttempts = 2
				}
				g := guard(t, p, idempotency.Memory(), idempotency.WithWait(test.wait))
				go g.call(t.Context(), request, func(context.Context) (proto.Message, error) {
					time.Sleep(10 * time.Second)
					return wrapperspb.String("slow"), nil
				})
				synctest.Wait()
				ctx, cancel := context.WithTimeout(t.Context(), test.limit)
				defer cancel()
				if test.claimed {
					ctx = metadata.NewIncomingContext(ctx, metadata.Pairs("grpc-previous-rpc-attempts", "1"))
				}
				start := time.Now()
				got, err := g.call(ctx, request, nil)
				if codeOf(err) != test.code || err == nil && got != "slow" {
					t.Errorf("got %q, %v; want code %v", got, err, test.code)
				}
				if test.code == codes.Aborted {
					rejects(t, err, codes.Aborted, idempotency.ReasonRequestInProgress, "")
					if wait, ok := rpcerr.RetryAfter(err); !ok || wait <= 0 {
						t.Errorf("RetryInfo says %v, %v", wait, ok)
					}
				}
				if took := time.Since(start); took < test.after || took > test.after+time.Second {
					t.Errorf("it took %v, want %v", took, test.after)
				}
				time.Sleep(time.Minute)
			})
		})
	}
}

// codeOf returns the code that the pipeline derives from an error.
func codeOf(err error) codes.Code {
	if errors.Is(err, context.DeadlineExceeded) {
		return codes.DeadlineExceeded
	}
	return status.Code(err)
}

func TestWhoWaitsRunsWhenTheFirstCallFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := guard(t, byIdempotencyKey, idempotency.Memory(), idempotency.WithWait(time.Minute))
		go g.call(t.Context(), `request_id: "1"`, func(context.Context) (proto.Message, error) {
			time.Sleep(10 * time.Second)
			return nil, errors.New("no")
		})
		synctest.Wait()
		g.says(`request_id: "1"`, "done II")
	})
}

// hung is a store whose Release is lost, like that of a killed process.
type hung struct{ idempotency.Store }

func (hung) Release(context.Context, idempotency.Key, idempotency.Fence) error { return nil }

func TestALeaseOutlivesItsProcess(t *testing.T) {
	for name, test := range map[string]struct {
		limit, want time.Duration // of the call, and of its lease
		opts        []idempotency.Option
	}{
		"until the deadline of the call": {limit: 20 * time.Second, want: 25 * time.Second},
		"a minute by default":            {want: idempotency.DefaultLease},
		"less than the deadline":         {limit: time.Hour, want: idempotency.DefaultLease},
		"by option":                      {want: time.Hour, opts: []idempotency.Option{idempotency.WithLease(time.Hour)}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := guard(t, byIdempotencyKey, hung{idempotency.Memory()}, test.opts...)
				ctx := t.Context()
				if test.limit > 0 {
					limited, cancel := context.WithTimeout(ctx, test.limit)
					defer cancel()
					ctx = limited
				}
				_, err := g.call(ctx, `request_id: "1"`, func(ctx context.Context) (proto.Message, error) {
					if deadline, ok := ctx.Deadline(); ok != (test.limit > 0) || ok && time.Until(deadline) != test.limit {
						t.Errorf("the method has the deadline %v, %v; want that of the call", deadline, ok)
					}
					return nil, errors.New("killed")
				})
				if err == nil {
					t.Error("the call has not failed")
				}
				time.Sleep(test.want - time.Second)
				_, err = g.call(t.Context(), `request_id: "1"`, nil)
				rejects(t, err, codes.Aborted, idempotency.ReasonRequestInProgress, "")
				time.Sleep(time.Second)
				g.says(`request_id: "1"`, "done II")
			})
		})
	}
}

// broken is a store that can be made to fail.
type broken struct {
	idempotency.Store
	begin, finish error
	made          bool // whether a failing Begin makes the claim nevertheless
}

func (b *broken) Begin(ctx context.Context, c idempotency.Claim) (idempotency.Entry, error) {
	if b.begin == nil {
		return b.Store.Begin(ctx, c)
	}
	if b.made {
		_, _ = b.Store.Begin(ctx, c)
	}
	return idempotency.Entry{}, b.begin
}

func (b *broken) Finish(ctx context.Context, key idempotency.Key, fence idempotency.Fence, response []byte, window time.Duration) error {
	if b.finish != nil {
		return b.finish
	}
	return b.Store.Finish(ctx, key, fence, response, window)
}

func TestWithoutItsStoreACallIsRejected(t *testing.T) {
	store := &broken{Store: idempotency.Memory(), begin: errors.New("dial tcp 10.0.0.1: refused")}
	g := guard(t, byIdempotencyKey, store)
	_, err := g.call(t.Context(), `request_id: "1"`, nil)
	rejects(t, err, codes.Unavailable, idempotency.ReasonStoreUnavailable, "")
	if text := status.Convert(err).Message(); strings.Contains(text, "10.0.0.1") || !errors.Is(err, store.begin) {
		t.Errorf("the caller is told %q, the log %v; want the cause in the log only", text, err)
	}
	if g.runs > 0 {
		t.Error("the method has run")
	}
	g.says(`name: "without an id"`, "done I")
}

// A claim whose response is lost does not block the next call.
func TestALostAnswerOfTheStore(t *testing.T) {
	store := &broken{Store: idempotency.Memory(), begin: errors.New("connection reset"), made: true}
	g := guard(t, byIdempotencyKey, store)
	if _, err := g.call(t.Context(), `request_id: "1"`, nil); err == nil {
		t.Error("the call has not failed")
	}
	store.begin = nil
	g.says(`request_id: "1"`, "done I")
}

func TestAResponseThatIsNotKeptIsGivenAllTheSame(t *testing.T) {
	store := &broken{Store: idempotency.Memory(), finish: errors.New("disk full")}
	g := guard(t, byIdempotencyKey, store)
	g.says(`request_id: "1"`, "done I")
	_, err := g.call(t.Context(), `request_id: "1"`, nil)
	// Until the lease expires
	rejects(t, err, codes.Aborted, idempotency.ReasonRequestInProgress, "")
}

func TestAKeptResponseThatCannotBeRead(t *testing.T) {
	store := idempotency.Memory()
	g := guard(t, byIdempotencyKey, garbled{store})
	g.says(`request_id: "1"`, "done I")
	_, err := g.call(t.Context(), `request_id: "1"`, nil)
	rejects(t, err, codes.Internal, rpcerr.ReasonInternal, "")
}

// garbled stores bytes other than those it receives.
type garbled struct{ idempotency.Store }

func (g garbled) Finish(ctx context.Context, key idempotency.Key, fence idempotency.Fence, _ []byte, window time.Duration) error {
	return g.Store.Finish(ctx, key, fence, []byte("\x0a\xff"), window)
}

func TestResponsesOfTypesThatAreNotLinked(t *testing.T) {
	info := create(t, byIdempotencyKey)
	info.Descriptor = swapped{info.Descriptor}
	answer := idempotency.New(idempotency.Memory()).Bind(info)
	req, resp := dynamicpb.NewMessage(info.Descriptor.Input()), dynamicpb.NewMessage(info.Descriptor.Output())
	req.Set(req.Descriptor().Fields().ByName("request_id"), protoreflect.ValueOfString("1"))
	resp.Set(resp.Descriptor().Fields().ByName("number"), protoreflect.ValueOfInt64(42))
	for range 2 {
		got, err := answer(t.Context(), req, func(context.Context) (proto.Message, error) { return resp, nil })
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(prototext.Format(resp), prototext.Format(got)); diff != "" {
			t.Error(diff)
		}
	}
}

// swapped is an RPC whose response type is its request type.
type swapped struct{ protoreflect.MethodDescriptor }

func (s swapped) Output() protoreflect.MessageDescriptor { return s.Input() }

// A client may set a deadline centuries away, to which no duration can be added.
func TestTheLeaseOfACallWithoutEnd(t *testing.T) {
	g := guard(t, byIdempotencyKey, idempotency.Memory())
	ctx, cancel := context.WithTimeout(t.Context(), math.MaxInt64)
	defer cancel()
	_, err := g.call(ctx, `request_id: "1"`, func(ctx context.Context) (proto.Message, error) {
		_, err := g.call(ctx, `request_id: "1"`, nil)
		return nil, err
	})
	rejects(t, err, codes.Aborted, idempotency.ReasonRequestInProgress, "")
}

// The running calls of one principal never cost another principal its own.
func TestCallsOfOnePrincipalKeepNobodyElseOut(t *testing.T) {
	store := idempotency.Memory(idempotency.WithMaxBytes(64 << 10))
	var err error
	for i := 0; err == nil; i++ {
		if i == 1000 {
			t.Fatal("1000 calls run, and the store still has room")
		}
		c := claimOf(strconv.Itoa(i))
		c.Lease = time.Hour
		_, err = store.Begin(t.Context(), c)
	}
	g := guard(t, byIdempotencyKey, store)
	_, err = g.call(t.Context(), `request_id: "1"`, nil) // unauthenticated, like the others
	rejects(t, err, codes.ResourceExhausted, idempotency.ReasonStoreFull, "")
	if wait, ok := rpcerr.RetryAfter(err); !ok || wait <= 0 {
		t.Errorf("the error says nothing of when to try again: %v", err)
	}
	if g.runs > 0 {
		t.Error("the method ran")
	}
	ada := claimOf("1")
	ada.Key.Principal = "ada"
	if entry, err := store.Begin(t.Context(), ada); err != nil || entry.Fence != ada.Fence {
		t.Errorf("another principal got %+v, %v", entry, err)
	}
}
