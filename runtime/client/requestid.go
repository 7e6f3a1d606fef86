package client

import (
	"context"

	"google.golang.org/grpc/metadata"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/requestid"
)

// withRequestID adds an x-request-id to the outgoing metadata unless the caller has.
func withRequestID(ctx context.Context) context.Context {
	// FromOutgoingContext copies the metadata. In the usual case there is none, and it costs
	// nothing.
	if md, ok := metadata.FromOutgoingContext(ctx); ok && len(md[requestid.Header]) > 0 {
		return ctx
	}
	return metadata.AppendToOutgoingContext(ctx, requestid.Header, outgoingRequestID(ctx))
}

// outgoingRequestID returns the request ID of the server call that ctx belongs to or was detached
// from, or a new one.
func outgoingRequestID(ctx context.Context) string {
	if origin := runtime.OriginOf(ctx); origin.RequestID != "" {
		return origin.RequestID
	}
	return requestid.New()
}
