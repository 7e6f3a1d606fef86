package client

import (
	"context"
	"slices"

	"google.golang.org/grpc"
)

type callOptionsKey struct{}

// WithCallOptions returns a context whose calls through generated clients get opts, after those
// of an outer WithCallOptions: grpc.Header and grpc.Trailer to read metadata, grpc.WaitForReady,
// grpc.PerRPCCredentials and so on.
//
//	var header metadata.MD
//	book, err := books.GetBook(client.WithCallOptions(ctx, grpc.Header(&header)), req)
//
// The options are for every call that is made with the context, or with one made from it. So
// derive a context for the one call that they are meant for, as above: two calls at a time would
// fill the same header. An implementation that is called directly, without a connection, ignores
// them, and passes them on with its context to the calls that it makes itself.
//
// What [grpc.Header] and [grpc.Peer] point to is filled when the call has returned, and for a
// stream of responses before the loop over it gets the first one. What [grpc.Trailer] points to
// is filled when the call or the range over the stream has returned, however it ended.
func WithCallOptions(ctx context.Context, opts ...grpc.CallOption) context.Context {
	return context.WithValue(ctx, callOptionsKey{}, slices.Concat(callOptionsOf(ctx), opts))
}

// callOptionsOf returns the options of [WithCallOptions].
func callOptionsOf(ctx context.Context) []grpc.CallOption {
	opts, _ := ctx.Value(callOptionsKey{}).([]grpc.CallOption)
	return opts
}
