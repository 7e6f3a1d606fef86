package operation_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/operation"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// like is a message whose type is described by the test.
type like struct{ m protoreflect.Message }

// of returns the message, of the type of that name.
func (l *like) of(name protoreflect.Name) protoreflect.Message {
	if l.m == nil {
		l.m = dynamicpb.NewMessage(operation.LikeOf(name))
	}
	return l.m
}

// likeOperation is an operation message that a team has made of its own, with its error and its
// response in a oneof.
type likeOperation struct{ like }

func (o *likeOperation) ProtoReflect() protoreflect.Message { return o.of("Oneof") }

// likeRequest asks for one.
type likeRequest struct{ like }

func (r *likeRequest) ProtoReflect() protoreflect.Message { return r.of("GetRequest") }

// likeJobs is a service of such operations.
type likeJobs interface {
	Run(context.Context, *wrapperspb.StringValue) (*likeOperation, error)
	GetRun(context.Context, *likeRequest) (*likeOperation, error)
}

var likeTable = runtime.NewService("test.likes.Jobs", wrapperspb.File_google_protobuf_wrappers_proto,
	runtime.Unary("Run", likeJobs.Run, runtime.Policy{Auth: &runtime.Auth{}, Operation: runtime.Operation{Lease: time.Minute, Retain: time.Hour, MaxAttempts: 3}}),
	runtime.Unary("GetRun", likeJobs.GetRun, runtime.Policy{Auth: &runtime.Auth{}}),
)

var (
	likeJobsRun    = operation.Of[wrapperspb.StringValue, wrapperspb.Int64Value](likeTable.Methods()[0], likeJobs.Run, operation.Fields{Name: "id"})
	likeJobsGetRun = operation.GetterOf(likeTable.Methods()[1], likeJobs.GetRun, "operation_id", operation.Fields{Name: "id"})
)

// likeServer serves likeJobs.
type likeServer struct{ ops *operation.Manager }

func (s *likeServer) Run(ctx context.Context, req *wrapperspb.StringValue) (*likeOperation, error) {
	return likeJobsRun.Start(ctx, s.ops, req)
}

func (s *likeServer) GetRun(ctx context.Context, req *likeRequest) (*likeOperation, error) {
	return likeJobsGetRun.Serve(ctx, s.ops, req)
}

// likeClient calls it.
type likeClient struct{ rows []*client.Method }

func (c likeClient) Run(ctx context.Context, req *wrapperspb.StringValue) (*likeOperation, error) {
	return client.Unary[likeOperation](ctx, c.rows[0], req)
}

func (c likeClient) GetRun(ctx context.Context, req *likeRequest) (*likeOperation, error) {
	return client.Unary[likeOperation](ctx, c.rows[1], req)
}

// newLikeDesk serves likeJobs, whose operations say "done: " and their request, or fail where that
// is empty.
func newLikeDesk(t *testing.T) *desk {
	return newDesk(t, func(srv *server.Server, ops *operation.Manager) {
		likeJobsRun.Handle(ops, func(ctx context.Context, run *operation.Run[wrapperspb.StringValue, wrapperspb.Int64Value]) (*wrapperspb.StringValue, error) {
			if run.Request().GetValue() == "" {
				return nil, rpcerr.Reason("NOTHING").Errorf(codes.FailedPrecondition, "nothing to do").WithCause(errors.New("secret"))
			}
			if err := run.Save(ctx, nil, func(progress *wrapperspb.Int64Value) { progress.Value = 42 }); err != nil {
				return nil, err
			}
			return wrapperspb.String("done: " + run.Request().GetValue()), nil
		})
		server.Register[likeJobs](srv, likeTable, likeJobs(&likeServer{ops}))
	})
}

func TestOperationsOfAnOwnMessageAreWaitedForThroughTheirService(t *testing.T) {
	d := newLikeDesk(t)
	ctx := as(t.Context(), "ada")
	var svc likeJobs = likeClient{echotest.RowsOf(likeTable, d.conn)}
	op, err := likeJobsRun.Call(ctx, svc, likeJobsGetRun.Client(svc), wrapperspb.String("x"))
	if err != nil {
		t.Fatal(err)
	}
	result, err := op.Wait(ctx, operation.WithInterval(20*time.Millisecond))
	if err != nil || result.GetValue() != "done: x" {
		t.Errorf("Wait: %v, %v, want done: x", result, err)
	}
	if progress, err := op.Metadata(); err != nil || progress.GetValue() != 42 {
		t.Errorf("metadata is %v, %v, want 42", progress, err)
	}
	again := likeJobsRun.Named(operation.NewClient(d.conn), op.Name())
	if result, err := again.Wait(ctx); err != nil || result.GetValue() != "done: x" {
		t.Errorf("through google.longrunning.Operations: %v, %v, want done: x", result, err)
	}
}

func TestAFailureCrossesTheNetworkWithoutItsCause(t *testing.T) {
	d := newLikeDesk(t)
	ctx := as(t.Context(), "ada")
	var svc likeJobs = likeClient{echotest.RowsOf(likeTable, d.conn)}
	op, err := likeJobsRun.Call(ctx, svc, likeJobsGetRun.Client(svc), wrapperspb.String(""))
	if err != nil {
		t.Fatal(err)
	}
	_, err = op.Wait(ctx, operation.WithInterval(20*time.Millisecond))
	var asFailed *operation.Failed
	if !errors.As(err, &asFailed) || status.Code(err) != codes.FailedPrecondition || rpcerr.ReasonOf(err) != "NOTHING" {
		t.Errorf("Wait: %v with reason %q, want a *Failed with FAILED_PRECONDITION and NOTHING", err, rpcerr.ReasonOf(err))
	}
	if want := "operation " + op.Name() + " failed: FAILED_PRECONDITION: nothing to do"; err.Error() != want {
		t.Errorf("error is %q, want %q", err, want)
	}
}

func TestAGetterHidesTheOperationsOfOthers(t *testing.T) {
	d := newLikeDesk(t)
	var svc likeJobs = likeClient{echotest.RowsOf(likeTable, d.conn)}
	getter := likeJobsGetRun.Client(svc)
	op, err := likeJobsRun.Call(as(t.Context(), "ada"), svc, getter, wrapperspb.String("x"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := getter.Get(as(t.Context(), "bob"), op.Name()); status.Code(err) != codes.NotFound {
		t.Errorf("Get by another: %v, want NOT_FOUND", err)
	}
	if err := getter.Cancel(as(t.Context(), "ada"), op.Name()); status.Code(err) != codes.Unimplemented {
		t.Errorf("Cancel through a getter: %v, want UNIMPLEMENTED", err)
	}
}

func TestAGetterThatDoesNotFitIsInternal(t *testing.T) {
	getter := operation.GetterOf(likeTable.Methods()[1], likeJobs.GetRun, "no_such_field")
	if _, err := getter.Serve(t.Context(), operation.NewManager(operation.Memory()), &likeRequest{}); status.Code(err) != codes.Internal {
		t.Errorf("Serve: %v, want INTERNAL", err)
	}
	if _, err := getter.Client(likeClient{}).Get(t.Context(), "operations/1"); status.Code(err) != codes.Internal {
		t.Errorf("Get: %v, want INTERNAL", err)
	}
}

// typedOperation is an operation message that has a response of its own type.
type typedOperation struct{ like }

func (o *typedOperation) ProtoReflect() protoreflect.Message { return o.of("Typed") }

func TestAGetterHasNotTheOperationsOfOtherMessages(t *testing.T) {
	ops := operation.NewManager(operation.Memory(), operation.WithStartOnly())
	op, err := counterCount.Start(t.Context(), ops, wrapperspb.Int64(1))
	if err != nil {
		t.Fatal(err)
	}
	req := &likeRequest{}
	m := req.ProtoReflect()
	m.Set(m.Descriptor().Fields().ByName("operation_id"), protoreflect.ValueOfString(op.GetName()))
	for service, want := range map[string]codes.Code{"test.Typed": codes.NotFound, "test.Counter": codes.Internal} {
		info := runtime.MethodInfo{Service: service, Name: "GetTyped", FullMethod: "/" + service + "/GetTyped"}
		getter := operation.GetterOf(info, func(any, context.Context, *likeRequest) (*typedOperation, error) { return nil, nil }, "operation_id")
		if _, err := getter.Serve(t.Context(), ops, req); status.Code(err) != want {
			t.Errorf("Serve of %s: %v, want %v", service, err, want)
		}
	}
}
