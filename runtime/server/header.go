package server

import (
	"context"
	"log/slog"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/grpcservice/grpcservice/runtime/internal/ctxkey"
	"github.com/grpcservice/grpcservice/runtime/internal/heldheader"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// maxHeldInTrailer is the size of the largest header that is sent in the trailer of a failed call,
// in bytes as HTTP/2 counts them: 8 KiB less [rpcerr.MaxErrorSize]. Clients would reject a larger
// trailer, and lose the error.
const maxHeldInTrailer = 8<<10 - rpcerr.MaxErrorSize

// endHeader sends the header of a call that finishes. If the call failed, the header is part of the
// trailer, so that the response has only a trailer.
func (c *callContext) endHeader(failed bool) {
	md := c.header.End(failed)
	if len(md) == 0 {
		return
	}
	stream := c.transport()
	if stream == nil {
		return
	}
	switch asTrailer := failed && heldheader.Size(md) <= maxHeldInTrailer; {
	case asTrailer && c.stream != nil:
		c.stream.transport().SetTrailer(md)
	case asTrailer:
		c.noteUnsent(stream.SetTrailer(md))
	case c.stream != nil:
		c.noteUnsent(c.stream.transport().SetHeader(md))
	default:
		c.noteUnsent(stream.SetHeader(md))
	}
}

// noteUnsent logs that the method's header cannot be sent, because an interceptor around the
// pipeline has sent the header before. The call continues, as it does after an error of grpc's own
// SetHeader.
func (c *callContext) noteUnsent(err error) {
	if err != nil && c.Context.Err() == nil {
		c.Logger().WarnContext(c, "the header that was set is not sent", slog.Any("error", err))
	}
}

// transport returns grpc's own stream of the call; nil if the handler was called without one.
func (c *callContext) transport() grpc.ServerTransportStream {
	return grpc.ServerTransportStreamFromContext(c.Context)
}

// headerHolder is the stream that [grpc.SetHeader] and similar functions find in a call's context.
// It holds the header back.
type headerHolder callContext

func (h *headerHolder) transport() grpc.ServerTransportStream { return (*callContext)(h).transport() }

// Method implements [grpc.ServerTransportStream].
func (h *headerHolder) Method() string { return h.transport().Method() }

// SetHeader implements [grpc.ServerTransportStream].
func (h *headerHolder) SetHeader(md metadata.MD) error {
	return h.header.Set(md, h.transport().SetHeader)
}

// SendHeader implements [grpc.ServerTransportStream].
func (h *headerHolder) SendHeader(md metadata.MD) error {
	return h.header.Send(md, h.transport().SendHeader)
}

// SetTrailer implements [grpc.ServerTransportStream].
func (h *headerHolder) SetTrailer(md metadata.MD) error {
	return h.transport().SetTrailer(md)
}

// transportKey is the key of grpc's stream in contexts, which grpc does not export.
var transportKey = ctxkey.Of(func(ctx context.Context) { grpc.ServerTransportStreamFromContext(ctx) })
