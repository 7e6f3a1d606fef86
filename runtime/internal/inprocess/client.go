package inprocess

import (
	"context"
	"io"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// clientStream is the end of the caller.
type clientStream struct {
	*call
	desc    *grpc.StreamDesc
	options callOptions
	closed  atomic.Bool // by CloseSend, or by the only request
	last    error       // of RecvMsg; then the stream is over for the caller
}

// Context implements [grpc.ClientStream].
func (s *clientStream) Context() context.Context { return s.client.Context }

// Header implements [grpc.ClientStream].
func (s *clientStream) Header() (metadata.MD, error) {
	for {
		md, wait := s.sentHeader()
		if wait == nil {
			return md, nil
		}
		select {
		case <-wait:
		case <-s.client.Done():
			return nil, contextError(s.client.Err())
		}
	}
}

// Trailer implements [grpc.ClientStream].
func (s *clientStream) Trailer() metadata.MD {
	md, _, _ := s.ended()
	return md
}

// CloseSend implements [grpc.ClientStream].
func (s *clientStream) CloseSend() error {
	s.closed.Store(true)
	s.requests.close()
	return nil
}

// SendMsg implements [grpc.ClientStream]. After the end it returns io.EOF, and RecvMsg the status;
// of an RPC with one request it returns nil, as a network does.
func (s *clientStream) SendMsg(msg any) error {
	if s.closed.Load() {
		return status.Error(codes.Internal, "SendMsg called after CloseSend")
	}
	data, err := encode(nil, msg)
	if err != nil {
		s.cancel()
		return err
	}
	ended := s.send(data)
	switch {
	case !s.desc.ClientStreams:
		return s.CloseSend()
	case ended:
		return io.EOF
	}
	return nil
}

// send passes a request on, when there is room for it. It reports whether the stream has ended
// before.
func (s *clientStream) send(data []byte) (ended bool) {
	for s.client.Err() == nil {
		ok, wait := s.requests.push(data)
		if ok || wait == nil {
			return !ok
		}
		select {
		case <-wait:
		case <-s.client.Done():
		}
	}
	return true
}

// RecvMsg implements [grpc.ClientStream].
func (s *clientStream) RecvMsg(msg any) error {
	if s.last != nil {
		return s.last
	}
	var err error
	if s.desc.ServerStreams {
		err = s.next(msg, &s.options)
		s.last = err
	} else if err, s.last = s.only(msg, &s.options), io.EOF; err != nil {
		s.last = err
	}
	if s.last != nil {
		s.leave()
	}
	return err
}

// leave ends the stream for the caller.
func (s *clientStream) leave() {
	s.cancel()
	if s.last == io.EOF {
		s.options.finish(nil)
	} else {
		s.options.finish(s.last)
	}
}

// next receives a message. Its error is io.EOF after the last, or the status of the call.
func (c *call) next(msg any, options *callOptions) error {
	data, err := c.wait(options)
	if err != nil {
		return err
	}
	return decode(data, msg)
}

// wait returns the next message as it was sent.
func (c *call) wait(options *callOptions) ([]byte, error) {
	for {
		data, ok, wait := c.responses.pop()
		switch {
		case ok:
			return data, nil
		case wait == nil:
			options.fill(&c.answer)
			if err := c.result(); err != nil {
				return nil, err
			}
			return nil, io.EOF
		}
		select {
		case <-wait:
		case <-c.client.Done():
			return nil, contextError(c.client.Err())
		}
	}
}

// only receives the response of a call that has one, and its status.
func (c *call) only(msg any, options *callOptions) error {
	switch err := c.next(msg, options); err {
	case nil:
	case io.EOF:
		return errNoResponse
	default:
		return err
	}
	switch _, err := c.wait(options); err {
	case nil:
		return status.Error(codes.Internal,
			"cardinality violation: expected <EOF> for non server-streaming RPCs, but received another message")
	case io.EOF:
		return nil
	default:
		return err
	}
}

// errNoResponse is the status of a call that has ended without its only response.
var errNoResponse = status.Error(codes.Internal,
	"cardinality violation: received no response message from non-server-streaming RPC")
