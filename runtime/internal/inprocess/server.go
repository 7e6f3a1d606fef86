package inprocess

import (
	"context"
	"io"

	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// transport is the call as [grpc.SetHeader] and similar functions use it.
type transport struct{ *call }

// Method implements [grpc.ServerTransportStream].
func (t transport) Method() string { return t.method }

// SetHeader implements [grpc.ServerTransportStream].
func (t transport) SetHeader(md metadata.MD) error { return t.setHeader(md, false) }

// SendHeader implements [grpc.ServerTransportStream].
func (t transport) SendHeader(md metadata.MD) error { return t.setHeader(md, true) }

// SetTrailer implements [grpc.ServerTransportStream].
func (t transport) SetTrailer(md metadata.MD) error { return t.setTrailer(md) }

// WriteStatus ends the call although its method has not returned.
func (t transport) WriteStatus(st *status.Status) error {
	t.end(st.Err())
	return nil
}

// serverStream is the end of the method.
type serverStream struct{ *call }

// Context implements [grpc.ServerStream].
func (s *serverStream) Context() context.Context { return &s.server }

// SetHeader implements [grpc.ServerStream].
func (s *serverStream) SetHeader(md metadata.MD) error { return s.setHeader(md, false) }

// SendHeader implements [grpc.ServerStream].
func (s *serverStream) SendHeader(md metadata.MD) error { return s.setHeader(md, true) }

// SetTrailer implements [grpc.ServerStream].
func (s *serverStream) SetTrailer(md metadata.MD) { _ = s.setTrailer(md) }

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
	data, err := encode(nil, msg)
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
