package server

import (
	"context"
	"encoding/base64"
	"log/slog"
	"strings"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// maxHeldInTrailer is the largest header that goes into the trailer of a call that fails, in bytes
// as HTTP/2 counts them: what [rpcerr.MaxErrorSize] leaves of 8 KiB. A larger one would make the trailer
// one that clients reject, and with it the error.
const maxHeldInTrailer = 8<<10 - rpcerr.MaxErrorSize

// heldHeader is the response header that a method has set. It is held back until the first
// response or the success of the call: grpc sends a header before the status of a call that
// fails, and a client retries no call whose response has begun (gRFC A6).
//
// The lock is held while a header is passed on, so that a SendHeader of another goroutine cannot
// overtake what was set before it.
type heldHeader struct {
	mu       sync.Mutex
	md       metadata.MD
	released bool // the first response is sent, or the header
	failed   bool // the call has failed before that
}

// errHeaderOver is what SetHeader returns after the call has failed. grpc may not have sent the status
// yet, and would send a header before it.
var errHeaderOver = status.Error(codes.Internal, "the call has failed; its header cannot be changed")

// errHeaderSent is what SendHeader returns once the header is released. grpc may be sending it with the
// first response, and would fail that if it had been sent in between.
var errHeaderSent = status.Error(codes.Internal, "the header of the call is sent already")

// set holds md back, or passes it on where the header is released.
func (h *heldHeader) set(md metadata.MD, pass func(metadata.MD) error) error {
	if err := checkHeader(md); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.failed:
		return errHeaderOver
	case h.released:
		return pass(md)
	}
	h.md = metadata.Join(h.md, md)
	return nil
}

// release passes on what is held, if anything is, and everything that is set from now on.
func (h *heldHeader) release(pass func(metadata.MD) error) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	md := h.md
	h.md, h.released = nil, true
	if len(md) == 0 {
		return nil
	}
	return pass(md)
}

// end returns what is held at the end of the call.
func (h *heldHeader) end(failed bool) metadata.MD {
	h.mu.Lock()
	defer h.mu.Unlock()
	md := h.md
	h.md, h.released, h.failed = nil, true, failed && !h.released
	return md
}

// send sends what is held and md.
func (h *heldHeader) send(md metadata.MD, send func(metadata.MD) error) error {
	if err := checkHeader(md); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.released {
		return errHeaderSent
	}
	md = metadata.Join(h.md, md)
	h.md, h.released = nil, true
	return send(md)
}

// fieldOverhead is what HTTP/2 counts for a header field on top of its name and value, in bytes.
const fieldOverhead = 32

// headerSize returns what md takes of the headers of HTTP/2, in bytes.
func headerSize(md metadata.MD) (size int) {
	for key, values := range md {
		for _, value := range values {
			if strings.HasSuffix(key, "-bin") {
				size += base64.RawStdEncoding.EncodedLen(len(value))
			} else {
				size += len(value)
			}
			size += len(key) + fieldOverhead
		}
	}
	return size
}

// checkHeader returns the error that [grpc.ServerStream] returns for metadata that HTTP/2 cannot
// carry. Without it, the error would come with the first response.
func checkHeader(md metadata.MD) error {
	for key, values := range md {
		if strings.HasPrefix(key, ":") {
			continue // grpc ignores it
		}
		if key == "" || strings.ContainsFunc(key, notInKeys) {
			return status.Errorf(codes.Internal, "header key %q is not made of [0-9a-z-_.]", key)
		}
		if strings.HasSuffix(key, "-bin") {
			continue
		}
		for _, value := range values {
			if strings.ContainsFunc(value, notPrintable) {
				return status.Errorf(codes.Internal,
					"the value of header key %q has bytes that are not printable ASCII; "+
						"use a key that ends in -bin", key)
			}
		}
	}
	return nil
}

func notInKeys(r rune) bool {
	return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '.' && r != '-' && r != '_'
}

func notPrintable(r rune) bool { return r < ' ' || r > '~' }

// releaseHeader sends the header with the first response of a stream.
func (s *serverStream) releaseHeader() {
	s.call.noteUnsent(s.call.header.release(s.ServerStream.SetHeader))
}

// endHeader sends the header of a call that ends: with its trailer if it has failed, so that
// the response is nothing but a trailer.
func (c *callContext) endHeader(failed bool) {
	md := c.header.end(failed)
	stream := c.transport()
	if len(md) == 0 || stream == nil {
		return
	}
	switch asTrailer := failed && headerSize(md) <= maxHeldInTrailer; {
	case asTrailer && c.stream != nil:
		c.stream.ServerStream.SetTrailer(md)
	case asTrailer:
		c.noteUnsent(stream.SetTrailer(md))
	case c.stream != nil:
		c.noteUnsent(c.stream.ServerStream.SetHeader(md))
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
	return h.header.set(md, h.transport().SetHeader)
}

// SendHeader implements [grpc.ServerTransportStream].
func (h *headerHolder) SendHeader(md metadata.MD) error {
	return h.header.send(md, h.transport().SendHeader)
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
