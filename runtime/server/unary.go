package server

import (
	"context"

	"github.com/grpcservice/grpcservice/runtime/internal/rpc"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"google.golang.org/grpc"
)

// serveUnary puts the pipeline around a unary method.
func (m *method) serveUnary(handler rpc.Handler) grpc.MethodHandler {
	answer := m.intercept(m.noted(handler.Unary))
	serve := func(ctx context.Context, received any, decode func(any) error) (resp any, err error) {
		c := m.begin(ctx)
		defer m.finish(c, &err)
		err = errLeft
		ctx, err = m.admitUnary(c)
		if err != nil {
			return nil, err
		}
		err = errLeft
		req := received
		if req == nil {
			req = handler.NewRequest()
		}
		if err := decode(req); err != nil {
			return nil, receiveError(err)
		}
		if err := m.accept(ctx, c, req); err != nil {
			return nil, err
		}
		if m.guard != nil {
			return c.prepared(m.guard(ctx, req, func(ctx context.Context) (any, error) {
				resp, err := answer(ctx, req)
				return resp, c.join(err) // a response is kept once all that belongs to the call has succeeded
			}))
		}
		return c.prepared(answer(ctx, req))
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

// intercept puts the interceptors of [WithUnaryInterceptors] around handler, once for all calls.
func (m *method) intercept(handler grpc.UnaryHandler) grpc.UnaryHandler {
	if m.unary == nil {
		return handler
	}
	return func(ctx context.Context, req any) (any, error) {
		info := m.unaryInfo
		return m.unary(ctx, req, &info, handler)
	}
}

// errLeft stands until a method, and what runs before it, returns, and is what the log has of one that never does. Its caller
// waits until the deadline: nothing can answer in the place of a goroutine that has ended.
var errLeft = rpcerr.Internal("the method, or what runs around it, ended its goroutine, as FailNow of a test does; return an error")
