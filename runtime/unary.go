package runtime

import (
	"context"

	"google.golang.org/grpc"
)

// serveUnary binds a unary RPC of impl to its pipeline.
func serveUnary[S, Req, Resp any](m *method, impl S, call func(S, context.Context, *Req) (*Resp, error)) grpc.MethodHandler {
	answer := m.intercept(func(ctx context.Context, req any) (any, error) {
		resp, err := call(impl, ctx, req.(*Req))
		if err == nil && resp == nil {
			err = errNoResponse
		}
		return resp, err
	})
	return func(_ any, ctx context.Context, decode func(any) error, serverWide grpc.UnaryServerInterceptor) (resp any, err error) {
		c := m.begin(ctx)
		defer m.finish(c, &err)
		c.setDeadline(m.timeout)
		req := new(Req)
		if err := decode(req); err != nil {
			return nil, err
		}
		if serverWide == nil {
			return answer(c, req)
		}
		info := m.unaryInfo // a copy: interceptors may change it
		return serverWide(c, req, &info, answer)
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
