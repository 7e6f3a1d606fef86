package runtime

import (
	"context"

	"github.com/grpcservice/grpcservice/runtime/internal/callctx"
)

// Detach returns a context for work that goes on after the call of ctx has ended: with its values and its [Origin], without its
// deadline, its cancellation and the [Call] itself.
//
//	ctx = runtime.Detach(ctx)
//	go s.reindex(ctx, book) // nobody waits for it: see Server.Background for what a shutdown should wait for
//
// Give it a deadline of its own. [Go] starts what belongs to the call.
func Detach(ctx context.Context) context.Context {
	return WithOrigin(context.WithoutCancel(ctx), OriginOf(ctx))
}

// Origin is who caused something, and with which call.
type Origin struct {
	// Principal is who called; nil where nobody is known.
	Principal *Principal
	// RequestID is the id of the call; empty outside of calls.
	RequestID string
}

// OriginOf returns the origin of ctx: the caller and the id of the call that it belongs to, or was detached from.
func OriginOf(ctx context.Context) Origin {
	if c, ok := CallFromContext(ctx); ok {
		return Origin{Principal: c.Principal(), RequestID: c.RequestID()}
	}
	if d, ok := ctx.Value(originKey{}).(*detached); ok {
		return d.origin
	}
	return Origin{}
}

// WithOrigin returns ctx with an origin, and without the call that it may belong to: for work that was caused elsewhere, such as
// by a message of a queue. Calls that are made with it carry the request id.
func WithOrigin(ctx context.Context, origin Origin) context.Context {
	return &detached{Context: ctx, origin: origin}
}

type originKey struct{}

// detached is a context that belongs to no call any more.
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
