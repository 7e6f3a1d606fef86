package inprocess

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
)

// withoutValues is a context without the values of another: those of a caller are not the method's.
type withoutValues struct{ context.Context }

// Value implements [context.Context].
func (withoutValues) Value(any) any { return nil }

// AfterFunc spares contexts that derive from this one a goroutine; see package context.
func (c withoutValues) AfterFunc(f func()) (stop func() bool) {
	return context.AfterFunc(c.Context, f)
}

// serverContext is the context of a method: what grpc puts into it, without an allocation for each.
type serverContext struct {
	context.Context
	call *call
}

// Value implements [context.Context].
func (c serverContext) Value(key any) any {
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
	transportKey = keyOf(func(ctx context.Context) { grpc.ServerTransportStreamFromContext(ctx) })
	metadataKey  = keyOf(func(ctx context.Context) { metadata.FromIncomingContext(ctx) })
	peerKey      = keyOf(func(ctx context.Context) { peer.FromContext(ctx) })
)

// keyOf returns the key that a function looks up in a context.
func keyOf(lookup func(context.Context)) any {
	recorder := &keyRecorder{Context: context.Background()}
	lookup(recorder)
	return recorder.key
}

// keyRecorder is a context that records the key of a lookup.
type keyRecorder struct {
	context.Context
	key any
}

// Value implements [context.Context].
func (r *keyRecorder) Value(key any) any {
	r.key = key
	return nil
}
