package gogrpc

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"runtime/debug"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/internal/each"
	"github.com/grpcservice/grpcservice/runtime/stream"
)

// ToUnary adapts a unary method of a generated service.
func ToUnary[Req, Resp any](method func(context.Context, *Req) (*Resp, error)) Call {
	return Call{invoke: func(ctx context.Context, msg, into any, opts []grpc.CallOption) error {
		req, ok := msg.(*Req)
		if !ok {
			return wrongType(msg, req)
		}
		resp, err := method(withOptions(ctx, opts), req)
		if err != nil {
			return err
		}
		return copyMessage(into, resp)
	}}
}

// ToServerStream adapts a method with a stream of responses.
func ToServerStream[Req, Resp any](method func(context.Context, *Req) runtime.Stream[Resp]) Call {
	return Call{open: func(ctx context.Context, opts []grpc.CallOption) (grpc.ClientStream, error) {
		s := newClientStream[Req, Resp](ctx, opts)
		s.send = func(req *Req) error {
			s.send = func(*Req) error { return errSecondRequest }
			go s.run(method(s.call, req))
			return nil
		}
		return s, nil
	}}
}

// ToClientStream adapts a method with a stream of requests.
func ToClientStream[Req, Resp any](method func(context.Context, runtime.Stream[Req]) (*Resp, error)) Call {
	return toStream(true, func(ctx context.Context, reqs runtime.Stream[Req]) runtime.Stream[Resp] {
		return func(yield func(*Resp, error) bool) { yield(method(ctx, reqs)) }
	})
}

// ToBidi adapts a method with a stream in both directions.
func ToBidi[Req, Resp any](method func(context.Context, runtime.Stream[Req]) runtime.Stream[Resp]) Call {
	return toStream(false, method)
}

func toStream[Req, Resp any](single bool, method func(context.Context, runtime.Stream[Req]) runtime.Stream[Resp]) Call {
	return Call{open: func(ctx context.Context, opts []grpc.CallOption) (grpc.ClientStream, error) {
		s := newClientStream[Req, Resp](ctx, opts)
		s.single = single
		requests := stream.NewPipe[Req](s.call)
		s.send, s.close = requests.Send, func() { requests.Close(nil) }
		go s.run(method(s.call, requests.Stream()))
		return s, nil
	}}
}

// withOptions passes call options on to a method that is a client.
func withOptions(ctx context.Context, opts []grpc.CallOption) context.Context {
	if len(opts) == 0 {
		return ctx
	}
	return client.WithCallOptions(ctx, opts...)
}

// clientStream is a call of a generated method as grpc's clients see it. Its goroutine ends with
// the method, which the end of the context ends.
type clientStream[Req, Resp any] struct {
	ctx    context.Context // of the caller
	call   context.Context // of the method
	cancel context.CancelFunc
	send   func(*Req) error
	close  func() // nil for an RPC with one request
	single bool   // whether the RPC has one response

	responses chan *Resp
	answered  chan struct{} // closed when the header is there
	answer    sync.Once     // closes answered
	done      chan struct{} // closed after the method has ended
	header    metadata.MD   // read after answered
	trailer   metadata.MD   // read after done, as are the following
	err       error
	panic     *client.RequestPanic
}

var (
	errSecondRequest = status.Error(codes.Internal, "the RPC has one request, and it was sent before")
	errGoexit        = status.Error(codes.Internal, "the method ended its goroutine, as a test's FailNow does; return an error instead")
)

func newClientStream[Req, Resp any](ctx context.Context, opts []grpc.CallOption) *clientStream[Req, Resp] {
	s := &clientStream[Req, Resp]{
		ctx: ctx, responses: make(chan *Resp), answered: make(chan struct{}), done: make(chan struct{}),
	}
	s.call, s.cancel = context.WithCancel(client.WithCallOptions(ctx, append(opts[:len(opts):len(opts)],
		grpc.Header(&s.header), grpc.Trailer(&s.trailer))...))
	return s
}

// run passes the responses on, and ends the stream after the method has ended: only then is the
// trailer set.
func (s *clientStream[Req, Resp]) run(responses runtime.Stream[Resp]) {
	s.err = errGoexit
	defer s.end()
	err := io.EOF
	ignored := each.Range(responses, func() { slog.Warn(each.LateYield) }, func(resp *Resp, failure error) bool {
		s.answer.Do(func() { close(s.answered) })
		if failure != nil {
			err = failure
			return false
		}
		select {
		case s.responses <- resp:
			return true
		case <-s.call.Done():
			return false
		}
	})
	switch ended := s.call.Err(); {
	case ignored != nil:
		err = ignored
	case ended != nil && err == io.EOF: // cut off, and not complete
		err = status.FromContextError(ended).Err()
	}
	s.err = err
}

// end ends the stream, with the panic of the method if there is one. Defer it directly.
func (s *clientStream[Req, Resp]) end() {
	if value := recover(); value != nil {
		s.panic = &client.RequestPanic{Value: value, Stack: debug.Stack()}
	}
	s.cancel()
	s.answer.Do(func() { close(s.answered) })
	close(s.done)
}

// SendMsg implements [grpc.ClientStream].
func (s *clientStream[Req, Resp]) SendMsg(msg any) error {
	req, ok := msg.(*Req)
	if !ok {
		return wrongType(msg, req)
	}
	err := s.send(req)
	if errors.Is(err, stream.ErrReaderGone) || s.call.Err() != nil {
		return io.EOF // RecvMsg returns why
	}
	return err
}

// CloseSend implements [grpc.ClientStream].
func (s *clientStream[Req, Resp]) CloseSend() error {
	if s.close != nil {
		s.close()
	}
	return nil
}

// RecvMsg implements [grpc.ClientStream]. It raises a panic of the method as a
// [client.RequestPanic].
func (s *clientStream[Req, Resp]) RecvMsg(msg any) error {
	select {
	case resp := <-s.responses:
		if s.single {
			<-s.done // sets the trailer
		}
		return copyMessage(msg, resp)
	case <-s.done:
	case <-s.ctx.Done():
		return status.FromContextError(s.ctx.Err()).Err()
	}
	if s.panic != nil {
		panic(s.panic)
	}
	return s.err
}

// Header implements [grpc.ClientStream].
func (s *clientStream[Req, Resp]) Header() (metadata.MD, error) {
	select {
	case <-s.answered:
		return s.header, nil
	case <-s.ctx.Done():
		return nil, status.FromContextError(s.ctx.Err()).Err()
	}
}

// Trailer implements [grpc.ClientStream].
func (s *clientStream[Req, Resp]) Trailer() metadata.MD {
	select {
	case <-s.done:
		return s.trailer
	default:
		return nil
	}
}

// Context implements [grpc.ClientStream].
func (s *clientStream[Req, Resp]) Context() context.Context { return s.ctx }
