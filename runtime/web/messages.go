package web

import (
	"context"
	"errors"
	"io"
	"net/http"

	"connectrpc.com/connect/v2"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// RecvMsg implements [server.FrontCall].
func (c *call) RecvMsg(msg any) error {
	c.receiving.Lock()
	defer c.receiving.Unlock()
	if c.over.Load() {
		return errOver
	}
	e := c.handler.encoded.get()
	defer c.handler.encoded.put(e)
	if err := c.stream.Receive(e); err != nil {
		return c.receiveError(err)
	}
	if err := e.decode(msg); err != nil {
		return err
	}
	if c.single {
		c.stopReading()
	}
	return nil
}

// SendMsg implements [server.FrontCall].
func (c *call) SendMsg(msg any) error {
	c.sending.Lock()
	defer c.sending.Unlock()
	if c.over.Load() {
		return errOver
	}
	if err := c.startSending(); err != nil {
		return err
	}
	if c.info.Spec.StreamType&connect.StreamTypeServer == 0 {
		c.holdLast()
	}
	err := c.stream.Send(msg)
	c.handler.uncompressed.remove(c.marked)
	c.marked = nil
	if err != nil {
		return c.sendError(err)
	}
	return nil
}

// startSending passes on the header before the first response.
func (c *call) startSending() error {
	if c.sent.Load() {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over.Load() {
		return errOver
	}
	c.writeHeader()
	if c.info.Spec.StreamType == connect.StreamTypeUnary { // a unary response has its trailer
		copyMetadata(c.info.ResponseTrailer(), c.trailer)
		c.trailer = nil
	}
	return nil
}

// RecvCompress implements [server.FrontCall].
func (c *call) RecvCompress() string {
	if c.info.ResponseEncoding == connect.CompressionNameIdentity {
		return ""
	}
	return c.info.ResponseEncoding
}

// SetUncompressed implements [server.FrontCall].
func (c *call) SetUncompressed() { c.plain.Store(true) }

// errOver is the error of a method that sends or receives although its call has ended.
var errOver = status.Error(codes.Canceled, "the call has ended")

// receiveError returns the status of a request that could not be received.
func (c *call) receiveError(err error) error {
	switch {
	case connect.CodeOf(err) == connect.CodeResourceExhausted:
		return status.Errorf(codes.ResourceExhausted,
			"the request is larger than max %d bytes", c.handler.settings.maxRequest)
	case c.body.failed.Load(): // before io.EOF, which it may wrap
		return c.brokenError()
	case errors.Is(err, io.EOF):
		return io.EOF
	case c.request.Method == http.MethodGet && connect.CodeOf(err) == connect.CodeInvalidArgument:
		return errQueryGzip
	case c.request.Method == http.MethodGet:
		return errQueryBase64
	default:
		return statusOf(err)
	}
}

// The errors of a GET whose message cannot be read.
var (
	errQueryBase64 = rpcerr.ReasonInvalidRequest.
			Errorf(codes.InvalidArgument, "the parameter message is not in base64").Fixed()
	errQueryGzip = rpcerr.ReasonInvalidRequest.
			Errorf(codes.InvalidArgument, "the parameter message is not in the format of gzip").Fixed()
)

// brokenError returns the status of a request whose reading has failed.
func (c *call) brokenError() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.why != nil:
		return c.why
	case c.isLate():
		c.why = errLate // the rest is not worth waiting for
		return errLate
	case c.ctx.Err() == context.DeadlineExceeded:
		return errLate
	default:
		return status.Error(codes.Canceled, "the client ended the request before it was complete")
	}
}

// sendError returns the status of a response that could not be sent.
func (c *call) sendError(err error) error {
	if connect.CodeOf(err) == connect.CodeResourceExhausted {
		return status.Errorf(codes.ResourceExhausted,
			"the response is larger than max %d bytes", c.handler.settings.maxResponse)
	}
	if connect.CodeOf(err) == connect.CodeInternal { // it cannot be encoded
		return statusOf(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.status != nil {
		return c.status.Err()
	}
	if err := c.ctx.Err(); err != nil {
		return status.FromContextError(err).Err()
	}
	return rpcerr.Hide(errGone, err.Error())
}

// errGone is the error of sending to a client that is gone.
var errGone = status.Error(codes.Canceled, "the client is gone")
