package server

import (
	"context"

	"google.golang.org/grpc"

	"github.com/grpcservice/grpcservice/runtime/internal/bounds"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// serveWithin runs the pipeline of a unary call within the server's interceptor, as grpc does for
// streams. The interceptor receives the request, so it is decoded before the pipeline starts. If it
// cannot be decoded, or the call is certain to be rejected, the interceptor receives an empty
// request, and its handler returns the error.
func (m *method) serveWithin(
	serverWide grpc.UnaryServerInterceptor, ctx context.Context, req any, decode func(any) error,
	serve func(ctx context.Context, req any, decode func(any) error) (any, error),
) (any, error) {
	arrival := bounds.ArrivalIn(ctx)
	arrival.Handle()
	var failed error
	if !m.drain.expired.Load() && !arrival.Rejected() {
		failed = decode(req)
	}
	info := m.unaryInfo // a copy: interceptors may change it
	received := req
	return serverWide(ctx, req, &info, func(ctx context.Context, req any) (any, error) {
		if req == nil && received != nil {
			req, failed = received, errNoRequest
		}
		return serve(ctx, req, func(any) error { return failed })
	})
}

var errNoRequest = rpcerr.Internal("an interceptor passed on nil as the request; pass on the one that it received")

// unaryInterceptors returns the step of [WithUnaryInterceptors].
func (m *method) unaryInterceptors() unaryAround {
	all := chainUnary(m.settings.unary)
	if all == nil {
		return nil
	}
	return func(next grpc.UnaryHandler) grpc.UnaryHandler {
		return func(ctx context.Context, req any) (any, error) {
			info := m.unaryInfo // a copy: interceptors may change it
			return all(ctx, req, &info, next)
		}
	}
}

// streamInterceptors returns the step of [WithStreamInterceptors].
func (m *method) streamInterceptors() streamAround {
	all := chainStream(m.settings.stream)
	if all == nil {
		return nil
	}
	return func(next grpc.StreamHandler) grpc.StreamHandler {
		return func(srv any, ss grpc.ServerStream) error {
			info := m.streamInfo // a copy: interceptors may change it
			return all(srv, ss, &info, next)
		}
	}
}

// chainUnary returns interceptors as one, the first outermost; nil if there are none.
func chainUnary(interceptors []grpc.UnaryServerInterceptor) grpc.UnaryServerInterceptor {
	if len(interceptors) == 0 {
		return nil
	}
	first, rest := interceptors[0], chainUnary(interceptors[1:])
	if rest == nil {
		return first
	}
	return func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		return first(ctx, req, info, func(ctx context.Context, req any) (any, error) { return rest(ctx, req, info, handler) })
	}
}

// chainStream is chainUnary for streams.
func chainStream(interceptors []grpc.StreamServerInterceptor) grpc.StreamServerInterceptor {
	if len(interceptors) == 0 {
		return nil
	}
	first, rest := interceptors[0], chainStream(interceptors[1:])
	if rest == nil {
		return first
	}
	return func(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
		return first(srv, ss, info, func(srv any, ss grpc.ServerStream) error { return rest(srv, ss, info, handler) })
	}
}
