package idempotency_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/idempotency"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"github.com/grpcservice/grpcservice/runtime/server"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
)

func TestMain(m *testing.M) {
	if err := errors.Join(registerThings(), registerThirdParties()); err != nil {
		panic(err)
	}
	m.Run()
}

// registerThings registers the proto of thingService, as generated code does.
func registerThings() error {
	file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name: proto.String("test/idempotency/things.proto"), Package: proto.String("test.idempotency"), Syntax: proto.String("proto3"),
		Dependency: []string{"google/protobuf/wrappers.proto", "google/rpc/error_details.proto"},
		Service: []*descriptorpb.ServiceDescriptorProto{{Name: proto.String("Things"), Method: []*descriptorpb.MethodDescriptorProto{
			{Name: proto.String("Create"), InputType: proto.String(".google.rpc.RequestInfo"), OutputType: proto.String(".google.protobuf.StringValue")},
		}}},
	}, protoregistry.GlobalFiles)
	if err != nil {
		return err
	}
	return protoregistry.GlobalFiles.RegisterFile(file)
}

type (
	request  = errdetails.RequestInfo // request_id and serving_data
	response = wrapperspb.StringValue
)

// thingService is what the plugin would generate for a service with one RPC.
type thingService interface {
	Create(context.Context, *request) (*response, error)
}

type createFunc func(context.Context, *request) (*response, error)

func (f createFunc) Create(ctx context.Context, req *request) (*response, error) { return f(ctx, req) }

type thingClient struct{ rows []*client.Method }

func (c thingClient) Create(ctx context.Context, req *request) (*response, error) {
	return client.Unary[response](ctx, c.rows[0], req)
}

// serve serves f with a guard, and returns a client for it.
func serve(t testing.TB, f createFunc, p runtime.Policy, store idempotency.Store, opts ...server.Option) thingService {
	t.Helper()
	table := runtime.NewService("test.idempotency.Things", wrapperspb.File_google_protobuf_wrappers_proto, runtime.Unary("Create", thingService.Create, p))
	opts = append([]server.Option{server.WithIdempotency(idempotency.New(store)), server.WithLogger(slog.New(slog.DiscardHandler))}, opts...)
	return thingClient{echotest.RowsOf(table, servicetest.Serve(t, func(r grpc.ServiceRegistrar) { server.Register[thingService](r, table, f) }, opts...))}
}

// counting returns a method that responds with the number of times it has run.
func counting(runs *atomic.Int64) createFunc {
	return func(context.Context, *request) (*response, error) {
		return wrapperspb.String(fmt.Sprint(runs.Add(1))), nil
	}
}

func TestRepliesToRepeatsSayThatTheyAre(t *testing.T) {
	var runs atomic.Int64
	stub := serve(t, counting(&runs), byIdempotencyKey, idempotency.Memory())
	for i := range 3 {
		var header metadata.MD
		ctx := client.WithCallOptions(t.Context(), grpc.Header(&header))
		resp, err := stub.Create(ctx, &request{RequestId: "1"})
		if err != nil || resp.GetValue() != "1" {
			t.Fatalf("got %v, %v; want the first response", resp, err)
		}
		if replayed := strings.Join(header.Get(idempotency.ReplayedHeader), ","); (replayed == "true") != (i > 0) || i == 0 && replayed != "" {
			t.Errorf("call %d has the header %q", i, replayed)
		}
	}
}

func TestGeneratedClientsMakeEachCallAnother(t *testing.T) {
	var runs atomic.Int64
	var ids sync.Map
	stub := serve(t, func(ctx context.Context, req *request) (*response, error) {
		ids.Store(req.GetRequestId(), true)
		return counting(&runs)(ctx, req)
	}, byIdempotencyKey, idempotency.Memory())
	for range 2 {
		if _, err := stub.Create(t.Context(), &request{}); err != nil {
			t.Fatal(err)
		}
	}
	if _, empty := ids.Load(""); runs.Load() != 2 || empty {
		t.Errorf("the method has run %d times, without an id: %v; want 2 calls with an id each", runs.Load(), empty)
	}
}

// A hedged attempt that arrives while the first one is running neither runs the method again nor
// fails the call.
func TestHedgedCallsRunOnce(t *testing.T) {
	servicetest.NoLeaks(t)
	p := byIdempotencyKey
	p.Idempotency = runtime.Idempotent
	p.Hedging = runtime.Hedging{MaxAttempts: 2, Delay: time.Millisecond}
	var runs atomic.Int64
	second := make(chan struct{})
	store := &watched{Store: idempotency.Memory(), onHeld: sync.OnceFunc(func() { close(second) })}
	stub := serve(t, func(ctx context.Context, _ *request) (*response, error) {
		select {
		case <-second:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		return wrapperspb.String(fmt.Sprint(runs.Add(1))), nil
	}, p, store)
	resp, err := stub.Create(t.Context(), &request{})
	if err != nil || resp.GetValue() != "1" || runs.Load() != 1 {
		t.Errorf("got %v, %v after %d runs; want 1", resp, err, runs.Load())
	}
}

// watched notifies when a call finds another one running.
type watched struct {
	idempotency.Store
	onHeld func()
}

func (w *watched) Begin(ctx context.Context, c idempotency.Claim) (idempotency.Entry, error) {
	entry, err := w.Store.Begin(ctx, c)
	if err == nil && entry.Fence != c.Fence && !entry.Done {
		w.onHeld()
	}
	return entry, err
}

func TestPrincipalsHaveIDsOfTheirOwn(t *testing.T) {
	var runs atomic.Int64
	p := byIdempotencyKey
	p.Auth = &runtime.Auth{}
	stub := serve(t, counting(&runs), p, idempotency.Memory(), server.WithAuthenticator(byName{}))
	for i, test := range []struct{ name, want string }{{"ada", "1"}, {"bob", "2"}, {"ada", "1"}, {"bob", "2"}} {
		resp, err := stub.Create(metadata.AppendToOutgoingContext(t.Context(), "name", test.name), &request{RequestId: "1"})
		if err != nil || resp.GetValue() != test.want {
			t.Errorf("call %d: %s got %v, %v; want %s", i, test.name, resp, err, test.want)
		}
	}
}

// byName trusts the name that the caller sends.
type byName struct{}

func (byName) Bind(runtime.MethodInfo) server.AuthenticateFunc {
	return func(ctx context.Context) (*runtime.Principal, error) {
		if name := metadata.ValueFromIncomingContext(ctx, "name"); len(name) == 1 {
			return runtime.NewPrincipal(name[0]), nil
		}
		return nil, nil
	}
}

// The guard runs after the checks of a request and around the interceptors of the pipeline. The
// interceptors of the server see every call.
func TestPlaceInThePipeline(t *testing.T) {
	var runs, intercepted, serverWide atomic.Int64
	counts := func(n *atomic.Int64) grpc.UnaryServerInterceptor {
		return func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
			n.Add(1)
			return next(ctx, req)
		}
	}
	p := byIdempotencyKey
	p.MaxRequestBytes = 100
	store := idempotency.Memory()
	stub := serve(t, counting(&runs), p, store,
		server.WithUnaryInterceptors(counts(&intercepted)), server.WithGRPCOptions(grpc.UnaryInterceptor(counts(&serverWide))))
	if _, err := stub.Create(t.Context(), &request{RequestId: "1", ServingData: strings.Repeat("x", 100)}); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("a request that is too large: %v", err)
	}
	for range 3 {
		if resp, err := stub.Create(t.Context(), &request{RequestId: "1"}); err != nil || resp.GetValue() != "1" {
			t.Errorf("got %v, %v", resp, err)
		}
	}
	if runs.Load() != 1 || intercepted.Load() != 1 || serverWide.Load() != 4 {
		t.Errorf("the method ran %d times, interceptors %d and %d times; want 1, 1 and 4", runs.Load(), intercepted.Load(), serverWide.Load())
	}
}

func TestAPanicFreesTheID(t *testing.T) {
	var runs atomic.Int64
	stub := serve(t, func(ctx context.Context, req *request) (*response, error) {
		if runs.Add(1) == 1 {
			panic("no")
		}
		return wrapperspb.String("second"), nil
	}, byIdempotencyKey, idempotency.Memory())
	if _, err := stub.Create(t.Context(), &request{RequestId: "1"}); status.Code(err) != codes.Internal {
		t.Errorf("got %v, want INTERNAL", err)
	}
	if resp, err := stub.Create(t.Context(), &request{RequestId: "1"}); err != nil || resp.GetValue() != "second" {
		t.Errorf("got %v, %v; want the second run", resp, err)
	}
}

// A goroutine that a method starts with Go belongs to its call: the response is stored only when
// all of them have succeeded.
func TestACallThatFailsInAGoroutineLeavesNothing(t *testing.T) {
	var runs atomic.Int64
	store := idempotency.Memory()
	stub := serve(t, func(ctx context.Context, _ *request) (*response, error) {
		n := runs.Add(1)
		runtime.Go(ctx, func(ctx context.Context) error {
			// Usually after the method has returned; the test passes at any time
			time.Sleep(20 * time.Millisecond)
			if n == 1 {
				return status.Error(codes.Aborted, "the second half")
			}
			return ctx.Err()
		})
		return wrapperspb.String(fmt.Sprint(n)), nil
	}, byIdempotencyKey, store)
	if _, err := stub.Create(t.Context(), &request{RequestId: "1"}); status.Code(err) != codes.Aborted {
		t.Errorf("got %v, want ABORTED", err)
	}
	for range 2 {
		if resp, err := stub.Create(t.Context(), &request{RequestId: "1"}); err != nil || resp.GetValue() != "2" {
			t.Errorf("got %v, %v; want the second run", resp, err)
		}
	}
}

// A thousand concurrent calls with fifty keys, retried until they succeed, have fifty effects.
func TestEachEffectHappensOnce(t *testing.T) {
	const ids, repeats = 50, 20
	var effects [ids]atomic.Int64
	stub := serve(t, func(_ context.Context, req *request) (*response, error) {
		var n int
		if _, err := fmt.Sscan(req.GetRequestId(), &n); err != nil {
			return nil, err
		}
		return wrapperspb.String(fmt.Sprintf("%d: %d", n, effects[n].Add(1))), nil
	}, byIdempotencyKey, idempotency.Memory())
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	var group sync.WaitGroup
	for i := range ids * repeats {
		group.Go(func() {
			want := fmt.Sprintf("%d: 1", i%ids)
			resp, err := stub.Create(ctx, &request{RequestId: fmt.Sprint(i % ids)})
			for rpcerr.ReasonOf(err) == idempotency.ReasonRequestInProgress {
				time.Sleep(time.Millisecond)
				resp, err = stub.Create(ctx, &request{RequestId: fmt.Sprint(i % ids)})
			}
			if err != nil || resp.GetValue() != want {
				t.Errorf("got %v, %v; want %s", resp, err, want)
			}
		})
	}
	group.Wait()
	for i := range effects {
		if n := effects[i].Load(); n != 1 {
			t.Errorf("the effect of id %d happened %d times", i, n)
		}
	}
}

func TestTheLogTellsWhatIsNotKept(t *testing.T) {
	var log bytes.Buffer
	var runs atomic.Int64
	store := &broken{Store: idempotency.Memory(), finish: errors.New("disk full")}
	stub := serve(t, counting(&runs), byIdempotencyKey, store, server.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
	if _, err := stub.Create(t.Context(), &request{RequestId: "1"}); err != nil {
		t.Fatal(err)
	}
	if text := log.String(); !strings.Contains(text, "level=WARN") || !strings.Contains(text, "disk full") || !strings.Contains(text, "Things/Create") {
		t.Errorf("the log has %s", text)
	}
}

func TestAServerRejectsNoGuard(t *testing.T) {
	for _, guard := range []server.IdempotencyGuard{nil, (*idempotency.Guard)(nil)} {
		err := server.New(server.WithIdempotency(guard)).Serve(t.Context(), bufconn.Listen(1))
		if err == nil || !strings.Contains(err.Error(), "WithIdempotency(nil)") {
			t.Errorf("got %v, want an error that names the option", err)
		}
	}
}
