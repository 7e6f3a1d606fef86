package inprocess

import (
	"context"
	"errors"
	"sync"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/protoadapt"
)

// call is one call, as both ends share it.
type call struct {
	client  withoutValues // the caller's context
	server  serverContext
	stream  serverStream
	cancel  context.CancelFunc // of the server's context
	method  string
	handler Handler
	md      metadata.MD
	peer    *peer.Peer

	requests, responses pipe // closed at the end

	mu      sync.Mutex
	header  metadata.MD
	sent    bool          // the header
	waiting chan struct{} // closed when the header is sent, and at the end; nil if nobody waits
	over    bool
	// trailer and status do not change when the call is over.
	trailer metadata.MD
	status  error // nil for OK
}

// start runs the method.
func (c *call) start(host Host) {
	go func() {
		defer host.Leave()
		err := errGoexit
		defer func() { c.end(err) }()
		err = c.serve()
	}()
}

// serve runs the handler, and returns its error.
func (c *call) serve() error {
	stream := &c.stream
	stream.call = c
	if c.handler.Stream != nil {
		return c.handler.Stream(c.handler.Impl, stream)
	}
	resp, err := c.handler.Unary(c.handler.Impl, &c.server, stream.RecvMsg, nil)
	if err != nil {
		return err
	}
	return stream.SendMsg(resp)
}

// errGoexit is the status of a handler that has ended its goroutine.
var errGoexit = status.Error(codes.Internal, "the method did not return")

// end ends the call with the status of err. The first end counts.
func (c *call) end(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over {
		return
	}
	c.over = true
	if err != nil {
		st, ok := status.FromError(err)
		if !ok {
			st = status.FromContextError(err)
		}
		c.status = st.Err() // without what err wraps: it is not for the caller
	}
	if !c.sent && (len(c.header) > 0 || err == nil) {
		c.sendHeader()
	}
	wake(&c.waiting)
	c.cancel() // first, so that the end of the requests is no end that the caller has sent
	c.requests.close()
	c.responses.close()
}

// sendHeader makes the header visible; c is locked, and the header is not sent.
func (c *call) sendHeader() {
	c.sent = true
	wake(&c.waiting)
}

// sentHeader returns a copy of the header; nil if the call has ended without one. Before, it
// returns a channel that is closed when there is an answer.
func (c *call) sentHeader() (md metadata.MD, wait <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.sent:
		md = c.header.Copy()
		dropReserved(md)
		if md == nil {
			md = make(metadata.MD, 1)
		}
		md[contentTypeKey] = []string{contentType}
		return md, nil
	case c.over:
		return nil, nil
	case c.waiting == nil:
		c.waiting = make(chan struct{})
	}
	return nil, c.waiting
}

// ended returns how a call has ended, and whether it has.
func (c *call) ended() (trailer metadata.MD, over bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.over {
		return nil, false, nil
	}
	return c.trailer.Copy(), true, c.status
}

// result returns the status of a call that is over.
func (c *call) result() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.status
}

// encode returns a message as grpc would send it.
func encode(msg any) ([]byte, error) {
	m, err := messageOf(msg)
	if err != nil {
		return nil, err
	}
	data, err := proto.Marshal(m)
	if err != nil {
		return nil, status.Errorf(codes.Internal, "grpc: error while marshaling: %v", err)
	}
	return data, nil
}

// decode reads a message.
func decode(data []byte, into any) error {
	m, err := messageOf(into)
	if err != nil {
		return err
	}
	if err := proto.Unmarshal(data, m); err != nil {
		return status.Errorf(codes.Internal, "grpc: failed to unmarshal the received message: %v", err)
	}
	return nil
}

func messageOf(msg any) (proto.Message, error) {
	switch m := msg.(type) {
	case proto.Message:
		return m, nil
	case protoadapt.MessageV1:
		return protoadapt.MessageV2Of(m), nil
	}
	return nil, status.Errorf(codes.Internal, "a message of type %T is no proto message; use a network for other codecs", msg)
}

// contextError returns the status of a context that has ended.
func contextError(err error) error { return status.FromContextError(err).Err() }

// errSent reports a header that is set or sent too late.
var errSent = errors.New("the header of the call has been sent")
