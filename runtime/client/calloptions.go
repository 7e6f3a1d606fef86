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

// WaitForReady returns a context whose calls through generated clients wait for a server if none can
// be reached, instead of failing with UNAVAILABLE: in tools that start together with their server,
// and in work that has no caller. They wait until their deadline at most, and then fail with
// DEADLINE_EXCEEDED and the reason that there is no server. A stream without a deadline waits until
// its context ends.
//
// A call fails nevertheless if its server is lost after it was sent.
func WaitForReady(ctx context.Context) context.Context {
	return WithCallOptions(ctx, grpc.WaitForReady(true))
}

// callOptionsOf returns the options of [WithCallOptions].
func callOptionsOf(ctx context.Context) []grpc.CallOption {
	opts, _ := ctx.Value(callOptionsKey{}).([]grpc.CallOption)
	return opts
}
