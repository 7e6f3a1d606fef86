package operation

import (
	"context"

	"google.golang.org/grpc/metadata"
)

// requestIDHeader is the key of the request ID in carriers and in metadata.
const requestIDHeader = "x-request-id"

// maxTraceHeader is the maximum length of a trace context header: the length that the standard
// requires implementations to support.
const maxTraceHeader = 512

// traceHeaders returns the W3C trace context that a call came with.
func traceHeaders(ctx context.Context) map[string]string {
	carrier := map[string]string{}
	for _, key := range []string{"traceparent", "tracestate"} {
		if sent := metadata.ValueFromIncomingContext(ctx, key); len(sent) == 1 && len(sent[0]) <= maxTraceHeader {
			carrier[key] = sent[0]
		}
	}
	return carrier
}

// withTraceHeaders returns ctx as the context of a call with the trace headers of a carrier.
func withTraceHeaders(ctx context.Context, carrier map[string]string) context.Context {
	md := metadata.MD{}
	for _, key := range []string{"traceparent", "tracestate"} {
		if value := carrier[key]; value != "" {
			md.Set(key, value)
		}
	}
	if len(md) == 0 {
		return ctx
	}
	return metadata.NewIncomingContext(ctx, md)
}
