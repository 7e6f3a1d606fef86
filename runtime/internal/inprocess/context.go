package inprocess

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"

	"github.com/grpcservice/grpcservice/runtime/internal/ctxkey"
)

// withoutValues is a context without the values of another: those of a caller are not the method's.
type withoutValues struct{ context.Context }

// Value implements [context.Context].
func (*withoutValues) Value(any) any { return nil }

// AfterFunc spares contexts that derive from this one a goroutine; see package context.
func (c *withoutValues) AfterFunc(f func()) (stop func() bool) {
	return context.AfterFunc(c.Context, f)
}

// serverContext is the context of a method: what grpc puts into it, without an allocation for each.
type serverContext struct {
	context.Context
	call *call
}

// Value implements [context.Context].
func (c *serverContext) Value(key any) any {
	switch key {
	case transportKey:
		return transport{c.call}
	case metadataKey:
		return c.call.md
	case peerKey:
		return c.call.peer
	}
	return c.Context.Value(key)
}

// The keys of grpc's values in contexts, which grpc does not export.
var (
	transportKey = ctxkey.Of(func(ctx context.Context) { grpc.ServerTransportStreamFromContext(ctx) })
	metadataKey  = ctxkey.Of(func(ctx context.Context) { metadata.FromIncomingContext(ctx) })
	peerKey      = ctxkey.Of(func(ctx context.Context) { peer.FromContext(ctx) })
)
