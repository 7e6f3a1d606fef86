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

// errUnknownMethod is what such calls get. It does not tell a service that the server has from one that
// it has not.
var errUnknownMethod = rpcerr.ReasonUnimplemented.Errorf(codes.Unimplemented, "the server has no such method").Fixed()

// unknownMethod returns the method that all unknown methods are. Whoever may not call a method must not
// learn either which there are, so it needs an authenticated caller where others may.
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

// rejectUnknown is the handler of calls of unknown methods, unless the user has another one.
func rejectUnknown(any, grpc.ServerStream) error { return errUnknownMethod }

// guardUnknown returns an interceptor that has the handler of [grpc.UnknownServiceHandler] called in the
// pipeline. Where there is an authenticator it is not called, because it has no policy.
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

// noteStream notes that a stream has come as far as the interceptors.
func noteStream(srv any, ss grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	bounds.ArrivalIn(ss.Context()).Handle()
	return handler(srv, ss)
}
