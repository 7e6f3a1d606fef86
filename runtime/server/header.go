package server

import (
	"context"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

// heldHeader is the response header that a method has set. It is held back until the first
// response or the success of the call: grpc sends a header before the status of a call that
// fails, and a client retries no call whose response has begun (gRFC A6).
type heldHeader struct {
	mu       sync.Mutex
	md       metadata.MD
	released bool
}

// set holds md back, or passes it on where the header is released.
func (h *heldHeader) set(md metadata.MD, pass func(metadata.MD) error) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.released {
		return pass(md)
	}
	h.md = metadata.Join(h.md, md)
	return nil
}

// release passes on what is held, if anything is, and everything that is set from now on.
func (h *heldHeader) release(pass func(metadata.MD) error) error {
	h.mu.Lock()
	md := h.md
	h.md, h.released = nil, true
	h.mu.Unlock()
	if len(md) == 0 {
		return nil
	}
	return pass(md)
}

// send sends what is held and md.
func (h *heldHeader) send(md metadata.MD, send func(metadata.MD) error) error {
	h.mu.Lock()
	md = metadata.Join(h.md, md)
	h.md, h.released = nil, true
	h.mu.Unlock()
	return send(md)
}

// releaseHeader sends the header of a call that ends: with its trailer if it has failed, so that
// the response is nothing but a trailer.
func (c *callContext) releaseHeader(failed bool) error {
	stream := c.transport()
	switch {
	case stream == nil:
		return nil
	case failed:
		return c.header.release(stream.SetTrailer)
	case c.stream != nil:
		return c.header.release(c.stream.ServerStream.SetHeader)
	default:
		return c.header.release(stream.SetHeader)
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
