package server

import (
	"context"
	"log/slog"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/grpcservice/grpcservice/runtime/internal/heldheader"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// maxHeldInTrailer is the largest header that goes into the trailer of a call that fails, in bytes
// as HTTP/2 counts them: what [rpcerr.MaxErrorSize] leaves of 8 KiB. A larger one would make the trailer
// one that clients reject, and with it the error.
const maxHeldInTrailer = 8<<10 - rpcerr.MaxErrorSize

// endHeader sends the header of a call that ends: with its trailer if it has failed, so that
// the response is nothing but a trailer.
func (c *callContext) endHeader(failed bool) {
	md := c.header.End(failed)
	stream := c.transport()
	if len(md) == 0 || stream == nil {
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

// noteUnsent logs that a header that was set cannot be sent any more, because an interceptor around
// the pipeline has sent the header. The call goes on: SetHeader of grpc alone would have returned
// an error, and have left the call as it is.
func (c *callContext) noteUnsent(err error) {
	if err != nil && c.Context.Err() == nil {
		c.Logger().WarnContext(c, "the header that was set is not sent", slog.Any("error", err))
	}
}

// transport returns grpc's own stream of the call; nil where the handler was called without one.
func (c *callContext) transport() grpc.ServerTransportStream {
	return grpc.ServerTransportStreamFromContext(c.Context)
}

// headerHolder is the stream of a call as [grpc.SetHeader] and its like find it in the call's
// context.
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
var transportKey = func() any {
	var asked keyRecorder
	grpc.ServerTransportStreamFromContext(&asked)
	return asked.key
}()

// keyRecorder is a context that records what it is asked for.
type keyRecorder struct {
	context.Context
	key any
}

func (r *keyRecorder) Value(key any) any {
	r.key = key
	return nil
}
