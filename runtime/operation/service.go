package operation

import (
	"context"
	"log/slog"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// ServiceName is the full name of the service that [Register] serves.
const ServiceName = "google.longrunning.Operations"

// operationsService is google.longrunning.Operations in the form that the runtime serves.
type operationsService interface {
	ListOperations(context.Context, *longrunningpb.ListOperationsRequest) (*longrunningpb.ListOperationsResponse, error)
	GetOperation(context.Context, *longrunningpb.GetOperationRequest) (*longrunningpb.Operation, error)
	DeleteOperation(context.Context, *longrunningpb.DeleteOperationRequest) (*emptypb.Empty, error)
	CancelOperation(context.Context, *longrunningpb.CancelOperationRequest) (*emptypb.Empty, error)
	WaitOperation(context.Context, *longrunningpb.WaitOperationRequest) (*longrunningpb.Operation, error)
}

// longestWait is the maximum wait of WaitOperation: proxies tend to cut off calls that are silent
// for a minute.
const longestWait = 50 * time.Second

var operationsTable = runtime.NewService(ServiceName, longrunningpb.File_google_longrunning_operations_proto,
	runtime.Unary("ListOperations", operationsService.ListOperations, reads(runtime.Policy{
		Page: runtime.Page{DefaultSize: 50, MaxSize: 1000, TokenTTL: 72 * time.Hour},
	})),
	runtime.Unary("GetOperation", operationsService.GetOperation, reads(runtime.Policy{Log: runtime.Log{Level: slog.LevelDebug}})),
	runtime.Unary("DeleteOperation", operationsService.DeleteOperation, policyOf(runtime.Policy{Idempotency: runtime.Idempotent})),
	runtime.Unary("CancelOperation", operationsService.CancelOperation, policyOf(runtime.Policy{Idempotency: runtime.Idempotent})),
	runtime.Unary("WaitOperation", operationsService.WaitOperation, reads(runtime.Policy{
		Timeout: longestWait + waitGrace, Log: runtime.Log{Level: slog.LevelDebug},
	})),
)

// policyOf admits all authenticated callers, because operations belong to their principal, and
// makes clients retry if the server is unreachable.
func policyOf(p runtime.Policy) runtime.Policy {
	p.Auth = &runtime.Auth{}
	p.Retry = runtime.Retry{
		MaxAttempts: 4, InitialBackoff: 100 * time.Millisecond, MaxBackoff: 2 * time.Second, Multiplier: 2, Codes: []string{"UNAVAILABLE"},
	}
	return p
}

// reads is policyOf for methods without side effects.
func reads(p runtime.Policy) runtime.Policy {
	p.Idempotency = runtime.NoSideEffects
	return policyOf(p)
}

// Register serves google.longrunning.Operations on r for the operations of m: callers see only
// the operations that they started. Callers must be authenticated; server.WithPolicy can require
// scopes, or make the methods public.
//
// If r is a server.Server, m runs operations while it serves; otherwise call [Manager.Run].
func Register(r grpc.ServiceRegistrar, m *Manager) {
	server.Register[operationsService](r, operationsTable, &service{manager: m, waits: newSeats(waitsPerCaller)})
	if srv, ok := r.(background); ok {
		srv.Background(ServiceName, m.Run)
	}
}

// background is a server that runs functions while it serves.
type background interface {
	Background(name string, work func(context.Context) error)
}

// service implements google.longrunning.Operations for a manager.
type service struct {
	manager *Manager
	waits   *seats
}

// GetOperation returns an operation, or NOT_FOUND.
func (s *service) GetOperation(ctx context.Context, req *longrunningpb.GetOperationRequest) (*longrunningpb.Operation, error) {
	return answer(s.manager.Get(ctx, req.GetName()))
}

// CancelOperation requests that an operation ends. An operation that is done does not change,
// which is not an error.
func (s *service) CancelOperation(ctx context.Context, req *longrunningpb.CancelOperationRequest) (*emptypb.Empty, error) {
	if _, err := s.manager.Cancel(ctx, req.GetName()); err != nil {
		return nil, err
	}
	return &emptypb.Empty{}, nil
}

// DeleteOperation removes an operation. A running one continues (AIP-151).
func (s *service) DeleteOperation(ctx context.Context, req *longrunningpb.DeleteOperationRequest) (*emptypb.Empty, error) {
	if err := s.manager.Delete(ctx, req.GetName()); err != nil {
		return nil, err
	}
	return &emptypb.Empty{}, nil
}

// answer converts an operation to google.longrunning.Operation.
func answer(r *Record, err error) (*longrunningpb.Operation, error) {
	if err != nil {
		return nil, err
	}
	m, err := messageOf(r)
	if err != nil {
		return nil, misuse(operationsTable.Method("GetOperation"), err)
	}
	return m.Operation, nil
}
