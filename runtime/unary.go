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
	return func(_ any, ctx context.Context, decode func(any) error, serverWide grpc.UnaryServerInterceptor) (resp any, err error) {
		c := m.begin(ctx)
		defer m.finish(c, &err)
		ctx, err = m.admitUnary(c)
		if err != nil {
			return nil, err
		}
		req := new(Req)
		if err := decode(req); err != nil {
			return nil, receiveError(err)
		}
		if err := m.accept(ctx, c, req); err != nil {
			return nil, err
		}
		err = errLeft
		if m.guard != nil {
			return c.prepared(m.guard(ctx, req, func(ctx context.Context) (any, error) {
				resp, err := m.answer(ctx, req, serverWide, answer)
				return resp, c.join(err) // a response is kept once all that belongs to the call has succeeded
			}))
		}
		return c.prepared(m.answer(ctx, req, serverWide, answer))
	}
}

// answer has the method answer, through grpc's interceptor where there is one.
func (m *method) answer(ctx context.Context, req any, serverWide grpc.UnaryServerInterceptor, answer grpc.UnaryHandler) (any, error) {
	if serverWide == nil {
		return answer(ctx, req)
	}
	info := m.unaryInfo // a copy: interceptors may change it
	return serverWide(ctx, req, &info, answer)
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

// errLeft stands until a method returns, and is what the log has of one that never does. Its caller waits until the deadline:
// nothing can answer in the place of a goroutine that has ended.
var errLeft = internalError("the method ended its goroutine, as FailNow of a test does; return an error")
