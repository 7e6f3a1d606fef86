package runtime

import (
	"context"

	"github.com/grpcservice/grpcservice/runtime/internal/callctx"
)

// Detach returns a context for work that continues after the call of ctx. It keeps the values of
// ctx and its [Origin], and drops the deadline, the cancellation and the [Call].
//
//	ctx = runtime.Detach(ctx)
//	go s.reindex(ctx, book) // a shutdown does not wait for it; see Server.Background for work that it waits for
//
// Set a deadline on the context. Use [Go] for goroutines that belong to the call.
func Detach(ctx context.Context) context.Context {
	return WithOrigin(context.WithoutCancel(ctx), OriginOf(ctx))
}

// Origin is the caller and the call that caused some work.
type Origin struct {
	// Principal is the authenticated caller; nil if there is none.
	Principal *Principal
	// RequestID is the request ID of the call; empty outside a call.
	RequestID string
}

// OriginOf returns the origin of ctx: that of the call that ctx belongs to or was detached from.
func OriginOf(ctx context.Context) Origin {
	if c, ok := CallFromContext(ctx); ok {
		return Origin{Principal: c.Principal(), RequestID: c.RequestID()}
	}
	if d, ok := ctx.Value(originKey{}).(*detached); ok {
		return d.origin
	}
	return Origin{}
}

// WithOrigin returns ctx with an origin and without the call that it may belong to: for work that
// was caused elsewhere, such as by a message of a queue. Client calls with the context send the
// request ID.
func WithOrigin(ctx context.Context, origin Origin) context.Context {
	return &detached{Context: ctx, origin: origin}
}

type originKey struct{}

// detached is a context that no longer belongs to a call.
type detached struct {
	context.Context
	origin Origin
}

// Value implements context.Context.
func (d *detached) Value(key any) any {
	switch key {
	case originKey{}:
		return d
	case callctx.Key{}:
		return nil
	}
	return d.Context.Value(key)
}
