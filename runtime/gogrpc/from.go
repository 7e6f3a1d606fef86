package gogrpc

import (
	"context"
	"errors"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

// FromUnary adapts a unary method of a client of protoc-gen-go-grpc.
func FromUnary[Req, Resp any](method func(context.Context, *Req, ...grpc.CallOption) (*Resp, error)) Call {
	return Call{invoke: func(ctx context.Context, msg, into any, opts []grpc.CallOption) error {
		req, ok := msg.(*Req)
		if !ok {
			return wrongType(msg, req)
		}
		resp, err := method(ctx, req, opts...)
		if err != nil {
			return err
		}
		return copyMessage(into, resp)
	}}
}

// FromServerStream adapts a method with a stream of responses.
func FromServerStream[Req, Resp any](
	method func(context.Context, *Req, ...grpc.CallOption) (grpc.ServerStreamingClient[Resp], error),
) Call {
	return Call{open: func(ctx context.Context, opts []grpc.CallOption) (grpc.ClientStream, error) {
		return &lateStream[Req, Resp]{ctx: ctx, start: func(req *Req) (grpc.ServerStreamingClient[Resp], error) {
			return method(ctx, req, opts...)
		}}, nil
	}}
}

// FromClientStream adapts a method with a stream of requests.
func FromClientStream[Req, Resp any](
	method func(context.Context, ...grpc.CallOption) (grpc.ClientStreamingClient[Req, Resp], error),
) Call {
	return Call{open: func(ctx context.Context, opts []grpc.CallOption) (grpc.ClientStream, error) {
		s, err := method(ctx, opts...)
		if err != nil {
			return nil, err
		}
		return &typedStream[Req, Resp]{ClientStream: s, send: s.Send, recv: s.CloseAndRecv}, nil
	}}
}

// FromBidi adapts a method with a stream in both directions.
func FromBidi[Req, Resp any](
	method func(context.Context, ...grpc.CallOption) (grpc.BidiStreamingClient[Req, Resp], error),
) Call {
	return Call{open: func(ctx context.Context, opts []grpc.CallOption) (grpc.ClientStream, error) {
		s, err := method(ctx, opts...)
		if err != nil {
			return nil, err
		}
		return &typedStream[Req, Resp]{ClientStream: s, send: s.Send, recv: s.Recv}, nil
	}}
}

// typedStream sends and receives by the typed methods, which are all that a fake may have.
type typedStream[Req, Resp any] struct {
	grpc.ClientStream
	send func(*Req) error
	recv func() (*Resp, error)
}

func (s *typedStream[Req, Resp]) SendMsg(msg any) error {
	req, ok := msg.(*Req)
	if !ok {
		return wrongType(msg, req)
	}
	return s.send(req)
}

func (s *typedStream[Req, Resp]) RecvMsg(msg any) error {
	resp, err := s.recv()
	if err != nil {
		return err
	}
	return copyMessage(msg, resp)
}

// lateStream is a stream of responses that starts with its request.
type lateStream[Req, Resp any] struct {
	ctx     context.Context
	start   func(*Req) (grpc.ServerStreamingClient[Resp], error)
	started grpc.ServerStreamingClient[Resp] // nil before
	failed  error                            // of start
}

// errNotStarted is the error of a stream whose request was not sent.
var errNotStarted = errors.New("the stream has no request yet; call SendMsg first")

func (s *lateStream[Req, Resp]) SendMsg(msg any) error {
	req, ok := msg.(*Req)
	if !ok {
		return wrongType(msg, req)
	}
	s.started, s.failed = s.start(req)
	return s.failed
}

// CloseSend does nothing: the method has closed it.
func (s *lateStream[Req, Resp]) CloseSend() error { return nil }

func (s *lateStream[Req, Resp]) RecvMsg(msg any) error {
	switch {
	case s.failed != nil:
		return s.failed
	case s.started == nil:
		return errNotStarted
	}
	resp, err := s.started.Recv()
	if err != nil {
		return err
	}
	return copyMessage(msg, resp)
}

func (s *lateStream[Req, Resp]) Header() (metadata.MD, error) {
	if s.started == nil {
		return nil, errNotStarted
	}
	return s.started.Header()
}

func (s *lateStream[Req, Resp]) Trailer() metadata.MD {
	if s.started == nil {
		return nil
	}
	return s.started.Trailer()
}

func (s *lateStream[Req, Resp]) Context() context.Context { return s.ctx }
