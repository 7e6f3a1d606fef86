package client

import (
	"context"

	"google.golang.org/grpc/metadata"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/requestid"
)

// withRequestID gives a call to another server its x-request-id, unless its caller did.
func withRequestID(ctx context.Context) context.Context {
	// This copies the metadata, and costs nothing in the usual case that there is none.
	if md, ok := metadata.FromOutgoingContext(ctx); ok && len(md[requestid.Header]) > 0 {
		return ctx
	}
	return metadata.AppendToOutgoingContext(ctx, requestid.Header, outgoingRequestID(ctx))
}

// outgoingRequestID returns the id of the server call that ctx belongs to or was detached from, or a new one.
func outgoingRequestID(ctx context.Context) string {
	if origin := runtime.OriginOf(ctx); origin.RequestID != "" {
		return origin.RequestID
	}
	return requestid.New().String()
}
