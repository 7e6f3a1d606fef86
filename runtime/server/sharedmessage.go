package server

import (
	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding"

	"github.com/grpcservice/grpcservice/runtime/internal/encoded"
)

// streamFormat is how a stream encodes messages, found when it first sends a shared one.
type streamFormat struct {
	known  bool
	format *encoded.Format // nil if the stream encodes each message itself
}

// SendNext is called by [encoded.Next].
func (c *callContext) SendNext(v *encoded.Variants) { c.call.shared.Store(v) }

// shared returns what to send for resp: its encoded form if it is the message of v. The headers of
// the stream are released already, so its compressor does not change any more.
func (f *streamFormat) shared(
	v *encoded.Variants, c *callContext, stream grpc.ServerStream, resp any,
) any {
	if !v.Of(resp) {
		return resp
	}
	if !f.known {
		*f = streamFormat{true, formatOf(c, stream)}
	}
	if f.format == nil {
		return resp
	}
	return v.Sendable(f.format)
}

// formatOf returns how a stream encodes, or nil if it encodes each message itself.
func formatOf(c *callContext, stream grpc.ServerStream) *encoded.Format {
	transport, ok := c.transport().(interface{ SendCompress() string })
	if !ok {
		return nil
	}
	now := transport.SendCompress()
	if now == encoding.Identity {
		now = ""
	}
	return c.call.method.formats.Of(stream, requestEncoding(c.Context), now)
}
