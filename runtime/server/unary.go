package server

import (
	"context"

	"google.golang.org/grpc"

	"github.com/grpcservice/grpcservice/runtime/internal/rpc"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// serveUnary puts the pipeline around a unary method.
func (m *method) serveUnary(handler rpc.Handler) grpc.MethodHandler {
	answer := m.unaryHandler(handler.Unary)
	serve := func(ctx context.Context, received any, decode func(any) error) (any, error) {
		return m.unaryCall(ctx, func(ctx context.Context, c *callContext) (any, error) {
			req := received
			if req == nil {
				req = handler.NewRequest()
			}
			if err := m.receive(ctx, c, req, decode); err != nil {
				return nil, err
			}
			return answer(ctx, req)
		})
	}
	return func(_ any, ctx context.Context, decode func(any) error, serverWide grpc.UnaryServerInterceptor) (any, error) {
		if serverWide == nil {
			return serve(ctx, nil, decode)
		}
		return m.serveWithin(serverWide, ctx, handler.NewRequest(), decode, serve)
	}
}

// noted returns handler, which notes that a call has reached its method where that counts.
func (m *method) noted(handler grpc.UnaryHandler) grpc.UnaryHandler {
	if !m.adaptive {
		return handler
	}
	return func(ctx context.Context, req any) (any, error) {
		m.noteRun(ctx)
		return handler(ctx, req)
	}
}

// errLeft stands until a method, and what runs before it, returns, and is what the log has of one that never does. Its caller
// waits until the deadline: nothing can answer in the place of a goroutine that has ended.
var errLeft = rpcerr.Internal("the method, or what runs around it, ended its goroutine, as FailNow of a test does; return an error")
