package inprocess

import (
	"context"

	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
)

// call is one call with streams of messages, as both ends share it.
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

	answer
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

// end ends the call with the status of err. The first end counts.
func (c *call) end(err error) {
	if !c.finish(err) {
		return
	}
	c.cancel() // first, so that the end of the requests is no end that the caller has sent
	c.requests.close()
	c.responses.close()
}

// contextError returns the status of a context that has ended.
func contextError(err error) error { return status.FromContextError(err).Err() }
