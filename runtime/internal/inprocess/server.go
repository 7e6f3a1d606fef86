package inprocess

import (
	"context"
	"io"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// transport is the call as [grpc.SetHeader] and similar functions use it.
type transport struct{ *call }

// Method implements [grpc.ServerTransportStream].
func (t transport) Method() string { return t.method }

// SetHeader implements [grpc.ServerTransportStream].
func (t transport) SetHeader(md metadata.MD) error { return t.call.setHeader(md, false) }

// SendHeader implements [grpc.ServerTransportStream].
func (t transport) SendHeader(md metadata.MD) error { return t.call.setHeader(md, true) }

// SetTrailer implements [grpc.ServerTransportStream].
func (t transport) SetTrailer(md metadata.MD) error { return t.call.setTrailer(md) }

// WriteStatus ends the call although its method has not returned.
func (t transport) WriteStatus(st *status.Status) error {
	t.end(st.Err())
	return nil
}

func (c *call) setHeader(md metadata.MD, send bool) error {
	if err := validate(md); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sent || c.over {
		return errSent
	}
	c.header = metadata.Join(c.header, md)
	if send {
		c.sendHeader()
	}
	return nil
}

func (c *call) setTrailer(md metadata.MD) error {
	if err := validate(md); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over {
		return errSent
	}
	c.trailer = metadata.Join(c.trailer, md)
	dropReserved(c.trailer)
	return nil
}

// serverStream is the end of the method.
type serverStream struct{ *call }

// Context implements [grpc.ServerStream].
func (s *serverStream) Context() context.Context { return &s.server }

// SetHeader implements [grpc.ServerStream].
func (s *serverStream) SetHeader(md metadata.MD) error { return s.call.setHeader(md, false) }

// SendHeader implements [grpc.ServerStream].
func (s *serverStream) SendHeader(md metadata.MD) error { return s.call.setHeader(md, true) }

// SetTrailer implements [grpc.ServerStream].
func (s *serverStream) SetTrailer(md metadata.MD) { _ = s.call.setTrailer(md) }

// RecvMsg implements [grpc.ServerStream].
func (s *serverStream) RecvMsg(msg any) error {
	for {
		if err := s.server.Err(); err != nil {
			return contextError(err)
		}
		data, ok, wait := s.requests.pop()
		switch {
		case ok:
			return decode(data, msg)
		case wait == nil:
			return io.EOF
		}
		select {
		case <-wait:
		case <-s.server.Done():
		}
	}
}

// SendMsg implements [grpc.ServerStream].
func (s *serverStream) SendMsg(msg any) error {
	data, err := encode(msg)
	if err != nil {
		return err
	}
	if err := s.startResponse(); err != nil {
		return err
	}
	for {
		if err := s.server.Err(); err != nil {
			return contextError(err)
		}
		ok, wait := s.responses.push(data)
		switch {
		case ok:
			return nil
		case wait == nil:
			return errOver
		}
		select {
		case <-wait:
		case <-s.server.Done():
		}
	}
}

// errOver is the error of a method that sends although its call has ended.
var errOver = status.Error(codes.Canceled, "the call has ended")

// startResponse sends the header before the first message.
func (s *serverStream) startResponse() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return errOver
	}
	if !s.sent {
		s.sendHeader()
	}
	return nil
}
