package server

import (
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

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

// rejectUnknown is the default [grpc.UnknownServiceHandler] of a server.
func rejectUnknown(any, grpc.ServerStream) error { return errUnknownMethod }

// noteStream records that a stream has reached the interceptors.
func noteStream(srv any, ss grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	bounds.ArrivalIn(ss.Context()).Handle()
	return handler(srv, ss)
}
