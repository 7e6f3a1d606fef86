package inprocess

import (
	"context"
	"io"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime/internal/lazyctx"
	"github.com/grpcservice/grpcservice/runtime/internal/requestid"
)

// unaryCall is a call of a unary method, in one allocation: its context, and what grpc calls its
// transport.
type unaryCall struct {
	answer
	lazyctx.Context
	caller withoutValues
	peer   *peer.Peer
	method string

	// The metadata that the method receives is only made when something reads it.
	reading   sync.Once
	outgoing  metadata.MD // nil for none
	requestID func(context.Context) string
	received  metadata.MD

	request, response *buffer       // nil when they are decoded; answer guards response
	left              chan struct{} // closed at the end; nil if the caller runs the method
}

// Call is Invoke for a caller that sends the x-request-id that requestID returns for its context,
// unless its metadata has one. requestID may be nil; it is called if the ID is needed.
func (conn *Conn) Call(
	ctx context.Context, method string, requestID func(context.Context) string, args, reply any,
	opts ...grpc.CallOption,
) (err error) {
	var options callOptions
	options.read(opts)
	if len(options.finished) > 0 {
		defer func() { options.finish(err) }()
	}
	request, err := encoded(args)
	if err != nil {
		return err
	}
	handler := conn.Host.Handler(method)
	if handler.Unary == nil {
		return conn.callStream(ctx, method, request, reply, &options)
	}
	if err := ctx.Err(); err != nil {
		return contextError(err)
	}
	md, err := options.outgoing(ctx, method)
	if err != nil {
		return err
	}
	if err := conn.Host.Enter(); err != nil {
		return err
	}
	c := &unaryCall{
		caller: withoutValues{ctx}, method: method, peer: conn.peerOf(ctx), request: request,
		outgoing: md, requestID: requestID,
	}
	c.Context.Context = &c.caller
	if conn.Separate {
		c.left = make(chan struct{})
		go c.run(conn.Host, handler)
		select {
		case <-c.left:
		case <-ctx.Done():
		}
	} else {
		c.run(conn.Host, handler)
	}
	if err := ctx.Err(); err != nil {
		return contextError(err)
	}
	options.fill(&c.answer)
	return c.reply(reply)
}

// run runs the method.
func (c *unaryCall) run(host Host, handler Handler) {
	defer host.Leave()
	err := errGoexit
	defer func() { c.end(err) }()
	err = c.serve(handler)
}

// serve runs the handler, and returns its error.
func (c *unaryCall) serve(handler Handler) error {
	resp, err := handler.Unary(handler.Impl, c, c.decode, nil)
	if err != nil {
		return err
	}
	response, err := encoded(resp)
	if err != nil {
		return err
	}
	return c.respond(response)
}

// decode reads the request.
func (c *unaryCall) decode(req any) error {
	if c.request == nil {
		return io.EOF
	}
	err := decode(c.request.data, req)
	c.request.release()
	c.request = nil
	return err
}

// respond sends the response.
func (c *unaryCall) respond(response *buffer) error {
	if err := c.startResponse(); err != nil {
		response.release()
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.response = response
	return nil
}

// reply reads the response of a call that is over, or returns its status.
func (c *unaryCall) reply(into any) error {
	c.mu.Lock()
	response, err := c.response, c.status
	c.response = nil
	c.mu.Unlock()
	switch {
	case err != nil:
		return err
	case response == nil:
		return errNoResponse
	}
	defer response.release()
	return decode(response.data, into)
}

// end ends the call with the status of err. The first end counts.
func (c *unaryCall) end(err error) {
	if !c.finish(err) {
		return
	}
	c.End()
	if c.left != nil {
		close(c.left)
	}
}

// Value implements [context.Context]: it has what grpc puts into the context of a method.
func (c *unaryCall) Value(key any) any {
	switch key {
	case transportKey:
		return (*unaryTransport)(c)
	case metadataKey:
		return c.metadata()
	case peerKey:
		return c.peer
	}
	return c.Context.Value(key)
}

// metadata returns what the method receives as its metadata.
func (c *unaryCall) metadata() metadata.MD {
	c.reading.Do(func() {
		var id string
		if c.requestID != nil && len(c.outgoing[requestid.Header]) == 0 {
			id = c.requestID(c.caller.Context)
		}
		c.received = complete(c.outgoing, id)
	})
	return c.received
}

// unaryTransport is the call as [grpc.SetHeader] and similar functions use it.
type unaryTransport unaryCall

// Method implements [grpc.ServerTransportStream].
func (t *unaryTransport) Method() string { return t.method }

// SetHeader implements [grpc.ServerTransportStream].
func (t *unaryTransport) SetHeader(md metadata.MD) error { return t.setHeader(md, false) }

// SendHeader implements [grpc.ServerTransportStream].
func (t *unaryTransport) SendHeader(md metadata.MD) error { return t.setHeader(md, true) }

// SetTrailer implements [grpc.ServerTransportStream].
func (t *unaryTransport) SetTrailer(md metadata.MD) error { return t.setTrailer(md) }

// WriteStatus ends the call although its method has not returned.
func (t *unaryTransport) WriteStatus(st *status.Status) error {
	(*unaryCall)(t).end(st.Err())
	return nil
}
