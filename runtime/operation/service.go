package operation

import (
	"context"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/metric"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// Register serves google.longrunning.Operations on r for the operations of m: callers see only
// the operations that they started. Callers must be authenticated; server.WithPolicy can require
// scopes, or make the methods public.
//
// If r is a server.Server, m runs operations while it serves, its metrics are among the sources of
// the server, panics of the work reach its PanicHandler, and without [WithTracing] an observer of
// the server that is a [Tracer], such as that of grpcotel, traces its attempts. The server stops
// with an error if one of its RPCs starts operations for which m has no handler, unless m has
// [WithStartOnly] or [WithUnhandled]. Otherwise, call [Manager.Run].
func Register(r grpc.ServiceRegistrar, m *Manager) {
	server.Register[operationsService](r, operationsTable, &operationsServer{manager: m})
	srv, ok := r.(owner)
	if !ok {
		return
	}
	srv.Background(ServiceName, func(ctx context.Context) error {
		if err := m.checkHandlers(srv.Status()); err != nil {
			return err
		}
		return m.Run(ctx)
	})
	m.config.onPanic = srv.HandlePanic
	srv.AddSources(m)
	for _, observer := range srv.Observers() {
		if tracer, ok := observer.(Tracer); ok && m.config.tracer == nil {
			m.config.tracer = tracer
		}
	}
}

// owner is a server that runs operations, and makes them visible.
type owner interface {
	Background(name string, work func(context.Context) error)
	AddSources(sources ...metric.Source)
	Observers() []runtime.Observer
	HandlePanic(ctx context.Context, value any, stack []byte)
	Status() server.Status
}

// operationsServer implements google.longrunning.Operations for a manager.
type operationsServer struct {
	manager *Manager
}

// GetOperation returns an operation, or NOT_FOUND.
func (s *operationsServer) GetOperation(ctx context.Context, req *longrunningpb.GetOperationRequest) (*longrunningpb.Operation, error) {
	return answer(s.manager.Get(ctx, req.GetName()))
}

// CancelOperation requests that an operation ends. An operation that is done does not change,
// which is not an error.
func (s *operationsServer) CancelOperation(ctx context.Context, req *longrunningpb.CancelOperationRequest) (*emptypb.Empty, error) {
	if _, err := s.manager.Cancel(ctx, req.GetName()); err != nil {
		return nil, err
	}
	return &emptypb.Empty{}, nil
}

// DeleteOperation removes an operation. A running one continues (AIP-151).
func (s *operationsServer) DeleteOperation(ctx context.Context, req *longrunningpb.DeleteOperationRequest) (*emptypb.Empty, error) {
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

// WaitOperation returns an operation when it is done, or its current state when the caller's
// timeout or deadline is near, the maximum wait is over, or the server shuts down.
func (s *operationsServer) WaitOperation(ctx context.Context, req *longrunningpb.WaitOperationRequest) (*longrunningpb.Operation, error) {
	limit := longestWait
	if timeout := req.GetTimeout(); timeout != nil {
		if timeout.CheckValid() != nil || timeout.AsDuration() < 0 {
			return nil, wrongTimeout("timeout")
		}
		limit = min(limit, timeout.AsDuration())
	}
	return answer(s.manager.waitFor(ctx, req.GetName(), limit))
}

func wrongTimeout(field string) error {
	return rpcerr.Invalid(rpcerr.Violation(field, "must be a duration of zero or more"))
}

// waitFor returns an operation when it is done, or its current state after a limit, near the
// deadline, or at once if too many calls of the caller wait.
func (m *Manager) waitFor(ctx context.Context, name string, limit time.Duration) (*Record, error) {
	who := waiterOf(ctx)
	if limit == 0 || !m.waits.take(who) {
		return m.Get(ctx, name)
	}
	defer m.waits.release(who)
	waiting, cancel := context.WithTimeout(ctx, beforeDeadline(ctx, limit))
	defer cancel()
	op, err := m.Wait(waiting, name)
	if err != nil && waiting.Err() != nil && ctx.Err() == nil { // a store that was asked too late
		return m.Get(ctx, name)
	}
	return op, err
}

// beforeDeadline returns how long to wait so that there is time to respond.
func beforeDeadline(ctx context.Context, limit time.Duration) time.Duration {
	deadline, ok := ctx.Deadline()
	if !ok {
		return limit
	}
	remaining := time.Until(deadline)
	return min(limit, remaining-min(500*time.Millisecond, remaining/5))
}
