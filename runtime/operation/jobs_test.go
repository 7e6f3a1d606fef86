package operation_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/operation"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// counter is a service that counts, one operation at a time.
type counter interface {
	Count(context.Context, *wrapperspb.Int64Value) (*longrunningpb.Operation, error)
}

var counterTable = runtime.NewService("test.Counter", wrapperspb.File_google_protobuf_wrappers_proto,
	runtime.Unary("Count", counter.Count, runtime.Policy{
		Auth: &runtime.Auth{Public: true}, Operation: runtime.Operation{Lease: time.Minute, Retain: time.Hour, MaxAttempts: 3},
	}),
)

var counterCount = operation.Of[wrapperspb.StringValue, wrapperspb.Int64Value](counterTable.Methods()[0], counter.Count, operation.Fields{})

// counterServer starts operations.
type counterServer struct{ ops *operation.Manager }

func (s *counterServer) Count(ctx context.Context, req *wrapperspb.Int64Value) (*longrunningpb.Operation, error) {
	return counterCount.Start(ctx, s.ops, req)
}

// counterClient calls a counter.
type counterClient struct{ rows []*client.Method }

func (c counterClient) Count(ctx context.Context, req *wrapperspb.Int64Value) (*longrunningpb.Operation, error) {
	return client.Unary[longrunningpb.Operation](ctx, c.rows[0], req)
}

// count counts to the request, a step at each tick, and saves how far it is.
func count(tick <-chan time.Time) func(context.Context, *operation.Run[wrapperspb.Int64Value, wrapperspb.Int64Value]) (*wrapperspb.StringValue, error) {
	return func(ctx context.Context, run *operation.Run[wrapperspb.Int64Value, wrapperspb.Int64Value]) (*wrapperspb.StringValue, error) {
		var at int64
		if _, err := run.Checkpoint(&at); err != nil {
			return nil, err
		}
		for at < run.Request().GetValue() {
			select {
			case <-tick:
			case <-ctx.Done():
				return nil, context.Cause(ctx)
			}
			at++
			if err := run.Save(ctx, at, func(progress *wrapperspb.Int64Value) { progress.Value = at }); err != nil {
				return nil, err
			}
		}
		return wrapperspb.String("counted"), nil
	}
}

// newCounterDesk serves a counter.
func newCounterDesk(t *testing.T, tick <-chan time.Time, opts ...server.Option) (*desk, counter) {
	t.Helper()
	d := newDesk(t, func(srv *server.Server, ops *operation.Manager) {
		counterCount.Handle(ops, count(tick))
		server.Register[counter](srv, counterTable, counter(&counterServer{ops}))
	}, opts...)
	return d, counterClient{echotest.RowsOf(counterTable, d.conn)}
}

func TestAnOperationIsWaitedForInOneCall(t *testing.T) {
	var waits atomic.Int64
	tick := make(chan time.Time)
	d, svc := newCounterDesk(t, tick, server.WithUnaryInterceptors(
		func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
			if info.FullMethod == longrunningpb.Operations_WaitOperation_FullMethodName {
				waits.Add(1)
			}
			return handler(ctx, req)
		}))
	ctx := as(t.Context(), "ada")
	op, err := counterCount.Call(ctx, svc, d.client, wrapperspb.Int64(3))
	if err != nil || op.Done() || op.Name() == "" {
		t.Fatalf("Call: %v, %v, want an operation that goes on", op, err)
	}
	go func() {
		for range 3 {
			tick <- time.Time{}
		}
	}()
	result, err := op.Wait(ctx)
	if err != nil || result.GetValue() != "counted" || waits.Load() != 1 {
		t.Errorf("Wait: %v, %v after %d calls, want counted after one", result, err, waits.Load())
	}
}

func TestAnOperationIsCancelledWhileItRuns(t *testing.T) {
	tick := make(chan time.Time)
	d, svc := newCounterDesk(t, tick)
	ctx := as(t.Context(), "ada")
	op, err := counterCount.Call(ctx, svc, d.client, wrapperspb.Int64(1_000_000))
	if err != nil {
		t.Fatal(err)
	}
	go func() { tick <- time.Time{} }()
	for progress, err := range op.Progress(ctx, operation.WithInterval(10*time.Millisecond)) {
		if err != nil {
			t.Fatal(err)
		}
		if progress.GetValue() == 1 {
			break
		}
	}
	if err := op.Cancel(ctx); err != nil {
		t.Fatal(err)
	}
	_, err = op.Wait(ctx)
	var asFailed *operation.Failed
	if !errors.As(err, &asFailed) || status.Code(err) != codes.Canceled || rpcerr.ReasonOf(err) != operation.ReasonCancelled {
		t.Errorf("Wait: %v, want a *Failed with CANCELLED", err)
	}
	if progress, err := op.Metadata(); err != nil || progress.GetValue() != 1 {
		t.Errorf("metadata is %v, %v: a cancelled operation says no longer how far it was", progress, err)
	}
	if err := op.Delete(ctx); err != nil {
		t.Error(err)
	}
	if _, err := counterCount.Named(d.client, op.Name()).Wait(ctx); status.Code(err) != codes.NotFound {
		t.Errorf("Wait for a deleted operation: %v, want NOT_FOUND", err)
	}
}

// TestAWaitOutlastsARestart stops the server that an operation runs on, and starts another one of
// the same store.
func TestAWaitOutlastsARestart(t *testing.T) {
	store, tick := operation.Memory(), make(chan time.Time)
	var listener atomic.Pointer[bufconn.Listener]
	serve := func() (stop func()) {
		ops := operation.NewManager(store)
		counterCount.Handle(ops, count(tick))
		srv := server.New(server.WithLogger(slog.New(slog.DiscardHandler)), server.WithDrainDelay(0), server.WithoutAuthentication())
		server.Register[counter](srv, counterTable, counter(&counterServer{ops}))
		operation.Register(srv, ops)
		lis := bufconn.Listen(1 << 20)
		listener.Store(lis)
		served := make(chan error, 1)
		go func() { served <- srv.Serve(context.WithoutCancel(t.Context()), lis) }()
		return func() {
			if err := srv.Shutdown(context.WithoutCancel(t.Context())); err != nil {
				t.Error(err)
			}
			<-served
		}
	}
	stop := serve()
	defer func() { stop() }()
	conn, err := grpc.NewClient("passthrough:///memory", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.Load().DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	op, err := counterCount.Call(t.Context(), counterClient{echotest.RowsOf(counterTable, conn)}, operation.NewClient(conn), wrapperspb.Int64(2))
	if err != nil {
		t.Fatal(err)
	}
	type end struct {
		result *wrapperspb.StringValue
		err    error
	}
	ended := make(chan end, 1)
	go func() {
		result, err := op.Wait(t.Context())
		ended <- end{result, err}
	}()
	give := func() {
		t.Helper()
		select {
		case tick <- time.Time{}:
		case <-time.After(20 * time.Second):
			t.Fatal("nobody works on the operation")
		}
	}
	give()
	stop()
	stop = serve()
	give() // one is left, for the first was saved
	if got := echotest.Within(t, ended); got.err != nil || got.result.GetValue() != "counted" {
		t.Errorf("Wait: %v, %v, want counted", got.result, got.err)
	}
}

// stock is google.longrunning.Operations as a server of others may have it: without WaitOperation.
type stock struct {
	longrunningpb.UnimplementedOperationsServer
	asked atomic.Int64
}

func (s *stock) GetOperation(context.Context, *longrunningpb.GetOperationRequest) (*longrunningpb.Operation, error) {
	if s.asked.Add(1) < 3 {
		return &longrunningpb.Operation{Name: "operations/1"}, nil
	}
	return succeeded("stock"), nil
}

func TestAServerOfOthersIsPolled(t *testing.T) {
	srv := grpc.NewServer()
	longrunningpb.RegisterOperationsServer(srv, &stock{})
	lis := bufconn.Listen(1 << 20)
	go srv.Serve(lis) // ends with Stop
	defer srv.Stop()
	conn, err := client.Dial("passthrough:///memory", operation.Config(), client.WithInsecure(), client.WithDialOptions(
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return lis.DialContext(ctx) })))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	stub := operation.NewClient(conn)
	result, err := counterCount.Named(stub, "operations/1").Wait(t.Context(), operation.WithInterval(10*time.Millisecond))
	if err != nil || result.GetValue() != "stock" {
		t.Errorf("Wait: %v, %v, want stock", result, err)
	}
	if err := stub.Cancel(t.Context(), "operations/1"); status.Code(err) != codes.Unimplemented {
		t.Errorf("Cancel: %v, want UNIMPLEMENTED", err)
	}
}
