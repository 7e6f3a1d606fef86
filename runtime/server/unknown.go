package server

import (
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/bounds"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// UnknownMethod is the FullMethod that observers, authenticators and the log see for calls of
// methods that the server does not have, whatever path the client sent.
const UnknownMethod = "/unknown/unknown"

// errUnknownMethod is the error of calls of unknown methods. It does not disclose whether the
// server has the service.
var errUnknownMethod = rpcerr.ReasonUnimplemented.
	Errorf(codes.Unimplemented, "the server has no such method").Fixed()

// unknownMethod returns the method that calls of all unknown methods run through. It requires an
// authenticated caller if there is an authenticator, so that others cannot find out which methods
// exist.
func (p *pipeline) unknownMethod() *method {
	p.unknownOnce.Do(func() {
		var policy runtime.Policy
		if p.authenticator != nil {
			policy.Auth = new(runtime.Auth)
		}
		p.unknown = p.bind(runtime.NewMethodInfo("unknown", "unknown", runtime.KindBidi, policy), nil)
	})
	return p.unknown
}

// rejectUnknown is the default [grpc.UnknownServiceHandler] of a server.
func rejectUnknown(any, grpc.ServerStream) error { return errUnknownMethod }

// guardUnknown returns an interceptor that calls the handler of [grpc.UnknownServiceHandler] in the
// pipeline. With an authenticator it rejects the call instead, because the handler has no policy.
func (p *pipeline) guardUnknown() grpc.StreamServerInterceptor {
	m := p.unknownMethod()
	return func(srv any, ss grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
		if srv != nil { // grpc passes on calls of unknown methods without an implementation
			return handler(srv, ss)
		}
		if p.authenticator != nil && !p.admitAll {
			handler = rejectUnknown
		}
		return m.streamCall(srv, ss, handler)
	}
}

// noteStream records that a stream has reached the interceptors.
func noteStream(srv any, ss grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	bounds.ArrivalIn(ss.Context()).Handle()
	return handler(srv, ss)
}
