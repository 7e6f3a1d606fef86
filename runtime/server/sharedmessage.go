package server

import (
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

// shared returns what to send for resp: its encoded form if it is a message that many streams send.
// The headers of the stream are released already, so its compressor does not change any more.
func (s *serverStream) shared(resp any) any {
	v := s.call.call.shared.Load()
	if v == nil {
		return resp
	}
	s.call.call.shared.Store(nil)
	if !v.Of(resp) {
		return resp
	}
	if !s.forms.known {
		s.forms = streamFormat{true, s.findFormat()}
	}
	if s.forms.format == nil {
		return resp
	}
	if prepared := v.Prepared(s.forms.format); prepared != nil {
		return prepared
	}
	return resp // fails with the error of the codec
}

// findFormat returns how the stream encodes, or nil if it encodes each message itself.
func (s *serverStream) findFormat() *encoded.Format {
	stream, ok := s.call.transport().(interface{ SendCompress() string })
	if !ok {
		return nil
	}
	now := stream.SendCompress()
	if now == encoding.Identity {
		now = ""
	}
	return s.call.call.method.formats.Of(s.ServerStream, requestEncoding(s.call.Context), now)
}
