package client

import (
	"context"
	"slices"

	"google.golang.org/grpc"
)

type callOptionsKey struct{}

// WithCallOptions returns a context whose calls through generated clients use opts, after those
// of an outer WithCallOptions: grpc.Header and grpc.Trailer to read metadata, grpc.WaitForReady,
// grpc.PerRPCCredentials and so on.
//
//	var header metadata.MD
//	book, err := books.GetBook(client.WithCallOptions(ctx, grpc.Header(&header)), req)
//
// The options apply to every call made with the context or a context derived from it. Derive a
// context for the single call that needs them, as above: two concurrent calls would write to the
// same header. An implementation called directly, without a connection, ignores the options, but
// passes them on with its context to its own calls.
//
// The targets of [grpc.Header] and [grpc.Peer] are set when the call has returned; for a stream
// of responses, before the loop receives the first one. The target of [grpc.Trailer] is set when
// the call or the range over the stream has returned, however it ended.
func WithCallOptions(ctx context.Context, opts ...grpc.CallOption) context.Context {
	return context.WithValue(ctx, callOptionsKey{}, slices.Concat(callOptionsOf(ctx), opts))
}

// callOptionsOf returns the options of [WithCallOptions].
func callOptionsOf(ctx context.Context) []grpc.CallOption {
	opts, _ := ctx.Value(callOptionsKey{}).([]grpc.CallOption)
	return opts
}
