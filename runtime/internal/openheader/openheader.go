// Package openheader lets a helper of the runtime wait for the response header of a call whose
// requests it is still sending.
package openheader

import (
	"context"

	"google.golang.org/grpc/metadata"
)

// Header receives the response header of a call.
type Header struct {
	// Wait waits for the header. It is nil until the call has started, and in a direct call.
	Wait func() (metadata.MD, error)
}

type key struct{}

// With returns a context whose next call sets h.
func With(ctx context.Context, h *Header) context.Context { return context.WithValue(ctx, key{}, h) }

// Started sets the header of the call that starts with ctx.
func Started(ctx context.Context, wait func() (metadata.MD, error)) {
	if h, ok := ctx.Value(key{}).(*Header); ok {
		h.Wait = wait
	}
}
