package runtime

import (
	"context"

	"google.golang.org/grpc"
)

// serveUnary binds a unary RPC of impl to its pipeline.
func serveUnary[S, Req, Resp any](m *method, impl S, call func(S, context.Context, *Req) (*Resp, error)) grpc.MethodHandler {
	answer := m.intercept(func(ctx context.Context, req any) (any, error) {
		m.noteRun(ctx)
		resp, err := call(impl, ctx, req.(*Req))
		if err == nil && resp == nil {
			err = errNoResponse
		}
		return resp, err
	})
	serve := func(ctx context.Context, received any, decode func(any) error) (resp any, err error) {
		c := m.begin(ctx)
		defer m.finish(c, &err)
		err = errLeft
		ctx, err = m.admitUnary(c)
		if err != nil {
			return nil, err
		}
		err = errLeft
		if received == nil {
			received = new(Req)
		}
		if err := decode(received); err != nil {
			return nil, receiveError(err)
		}
		req := received.(*Req)
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
		return m.serveWithin(serverWide, ctx, new(Req), decode, serve)
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

// errNoResponse is a method's mistake: neither a response nor an error.
var errNoResponse = internalError("the method returned neither a response nor an error; return one of them")

// errLeft stands until a method, and what runs before it, returns, and is what the log has of one that never does. Its caller
// waits until the deadline: nothing can answer in the place of a goroutine that has ended.
var errLeft = internalError("the method, or what runs around it, ended its goroutine, as FailNow of a test does; return an error")
