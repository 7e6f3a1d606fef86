package gogrpc

import (
	"context"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/stream"
)

// ServerStream returns the responses that a method for protoc-gen-go-grpc sends. Each range over
// the stream calls the method.
func ServerStream[Req, Resp any](
	ctx context.Context, req *Req, method func(*Req, grpc.ServerStreamingServer[Resp]) error,
) runtime.Stream[Resp] {
	return func(yield func(*Resp, error) bool) {
		s := &serverStream[Req, Resp]{ctx: ctx, yield: yield}
		s.finish(method(req, s))
	}
}

// ClientStream calls a method for protoc-gen-go-grpc with a stream of requests, and returns what it
// passes to SendAndClose. A method that returns nil without a response is INTERNAL, as it is on a
// server of grpc.
func ClientStream[Req, Resp any](
	ctx context.Context, reqs runtime.Stream[Req], method func(grpc.ClientStreamingServer[Req, Resp]) error,
) (resp *Resp, err error) {
	in := stream.NewReceiver(ctx, reqs)
	defer in.Close()
	s := &serverStream[Req, Resp]{ctx: ctx, in: in, yield: func(got *Resp, _ error) bool {
		resp = got
		return false
	}}
	err = method(s)
	s.end()
	switch {
	case err != nil:
		return nil, err
	case resp == nil:
		return nil, errNoResponse
	}
	return resp, nil
}

// Bidi returns the responses that a method for protoc-gen-go-grpc sends while it receives reqs.
func Bidi[Req, Resp any](
	ctx context.Context, reqs runtime.Stream[Req], method func(grpc.BidiStreamingServer[Req, Resp]) error,
) runtime.Stream[Resp] {
	return func(yield func(*Resp, error) bool) {
		in := stream.NewReceiver(ctx, reqs)
		defer in.Close()
		s := &serverStream[Req, Resp]{ctx: ctx, in: in, yield: yield}
		s.finish(method(s))
	}
}

// serverStream is the stream of a method for protoc-gen-go-grpc. As with grpc, one goroutine may
// send while another one receives.
type serverStream[Req, Resp any] struct {
	ctx context.Context
	in  *stream.Receiver[Req] // nil for an RPC with one request

	mu    sync.Mutex // held while yield runs
	yield func(*Resp, error) bool
	over  bool
}

// Errors of methods.
var (
	errNoResponse = status.Error(codes.Internal, "the method returned neither a response nor an error")
	errOneRequest = status.Error(codes.Internal, "the RPC has one request, which is the argument of the method")
	errOver       = status.Error(codes.Canceled, "the stream has ended")
)

// Send implements [grpc.ServerStreamingServer] and [grpc.BidiStreamingServer].
func (s *serverStream[Req, Resp]) Send(resp *Resp) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.over {
		s.over = true // unless yield returns true
		s.over = !s.yield(resp, nil)
		if !s.over {
			return nil
		}
	}
	if err := s.ctx.Err(); err != nil {
		return status.FromContextError(err).Err()
	}
	return errOver
}

// SendAndClose implements [grpc.ClientStreamingServer].
func (s *serverStream[Req, Resp]) SendAndClose(resp *Resp) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return errOver
	}
	s.over = true
	s.yield(resp, nil)
	return nil
}

// Recv implements [grpc.ClientStreamingServer] and [grpc.BidiStreamingServer].
func (s *serverStream[Req, Resp]) Recv() (*Req, error) {
	if s.in == nil {
		return nil, errOneRequest
	}
	return s.in.Receive()
}

// end makes Send return an error from now on: a goroutine of the method may outlive it.
func (s *serverStream[Req, Resp]) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
}

// finish ends the responses with the error that the method returned.
func (s *serverStream[Req, Resp]) finish(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil && !s.over {
		s.yield(nil, err)
	}
	s.over = true
}

// Context implements [grpc.ServerStream].
func (s *serverStream[Req, Resp]) Context() context.Context { return s.ctx }

// SetHeader implements [grpc.ServerStream].
func (s *serverStream[Req, Resp]) SetHeader(md metadata.MD) error { return grpc.SetHeader(s.ctx, md) }

// SendHeader implements [grpc.ServerStream].
func (s *serverStream[Req, Resp]) SendHeader(md metadata.MD) error { return grpc.SendHeader(s.ctx, md) }

// SetTrailer implements [grpc.ServerStream]. Outside a call there is no trailer.
func (s *serverStream[Req, Resp]) SetTrailer(md metadata.MD) { _ = grpc.SetTrailer(s.ctx, md) }

// SendMsg implements [grpc.ServerStream].
func (s *serverStream[Req, Resp]) SendMsg(msg any) error {
	resp, ok := msg.(*Resp)
	if !ok {
		return wrongType(msg, resp)
	}
	return s.Send(resp)
}

// RecvMsg implements [grpc.ServerStream].
func (s *serverStream[Req, Resp]) RecvMsg(msg any) error {
	req, err := s.Recv()
	if err != nil {
		return err
	}
	return copyMessage(msg, req)
}
