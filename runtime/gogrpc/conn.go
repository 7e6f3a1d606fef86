package gogrpc

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Conn is a connection whose calls are those of Go methods, by the full name of the RPC. A call of
// another RPC is UNIMPLEMENTED. It is safe for concurrent use.
//
// Messages are copied, so the two sides share none.
type Conn map[string]Call

// Call is an RPC of a [Conn]. FromUnary, ToUnary and so on return it.
type Call struct {
	invoke func(ctx context.Context, req, resp any, opts []grpc.CallOption) error
	open   func(ctx context.Context, opts []grpc.CallOption) (grpc.ClientStream, error)
}

// Invoke implements [grpc.ClientConnInterface].
func (c Conn) Invoke(ctx context.Context, method string, req, resp any, opts ...grpc.CallOption) error {
	call := c[method]
	if call.invoke == nil {
		return unknown(method)
	}
	return call.invoke(ctx, req, resp, opts)
}

// NewStream implements [grpc.ClientConnInterface].
func (c Conn) NewStream(ctx context.Context, _ *grpc.StreamDesc, method string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	call := c[method]
	if call.open == nil {
		return nil, unknown(method)
	}
	return call.open(ctx, opts)
}

func unknown(method string) error {
	return status.Errorf(codes.Unimplemented, "the adapted service has no method %s; generate its adapter again", method)
}
