// Package incoming reads the metadata of calls that a server receives, without copying it.
package incoming

import (
	"context"
	"strings"

	"google.golang.org/grpc/metadata"

	"github.com/grpcservice/grpcservice/runtime/internal/bounds"
	"github.com/grpcservice/grpcservice/runtime/internal/ctxkey"
)

// Header is the metadata of a call.
type Header struct {
	md    metadata.MD
	plain bool // all names are in lower case, as those that a transport has read
}

// Of returns the metadata of the call that ctx belongs to.
func Of(ctx context.Context) Header {
	md, ok := ctx.Value(key).(metadata.MD)
	if !ok { // there is none, or grpc keeps it otherwise
		md, ok = metadata.FromIncomingContext(ctx)
		return Header{md, ok}
	}
	return Header{md, bounds.ArrivalIn(ctx).Read(md)}
}

// Values returns the values of a header, whose name is in lower case. They belong to the call; do
// not change them.
func (h Header) Values(name string) []string {
	if values, ok := h.md[name]; ok || h.plain {
		return values
	}
	for other, values := range h.md { // an interceptor may have written it otherwise
		if len(other) == len(name) && strings.EqualFold(other, name) {
			return values
		}
	}
	return nil
}

// Values returns the values of a header of the call that ctx belongs to; see [Header.Values].
func Values(ctx context.Context, name string) []string { return Of(ctx).Values(name) }

// key is the key of the metadata in contexts, which grpc does not export.
var key = ctxkey.Of(func(ctx context.Context) { metadata.ValueFromIncomingContext(ctx, "") })
