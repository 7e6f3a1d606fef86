package stream

import (
	"context"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime"
)

// errPanicked ends the stream if fn panicked; the log has the details.
var errPanicked = status.Error(codes.Internal, "internal error")

// Duplex returns the responses of a bidi method that receives and sends independently: the
// messages that fn sends until it returns, and then its error.
//
//	func (s *Chat) Converse(ctx context.Context, reqs runtime.Stream[chatv1.Line]) runtime.Stream[chatv1.Line] {
//		return stream.Duplex(ctx, func(ctx context.Context, send func(*chatv1.Line) error) error {
//			for req, err := range reqs { … send(line) … }
//		})
//	}
//
// Each range over the stream runs fn once, in a goroutine of [runtime.Go]: a panic in fn is
// logged with the request ID, and the stream ends with INTERNAL. If the reader stops, send
// returns an error and the context of fn ends; the range returns when fn has returned. Therefore
// fn must return when its context ends. The requests of a call end when the call ends, or when
// the responses cannot be sent. A reader that breaks out of the range for other reasons waits
// until fn receives a request or their end.
//
// send blocks until the message is taken. It may be called concurrently until fn returns.
func Duplex[Resp any](ctx context.Context, fn func(ctx context.Context, send func(*Resp) error) error) runtime.Stream[Resp] {
	return func(yield func(*Resp, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		pipe := NewPipe[Resp](context.WithoutCancel(ctx)) // if ctx ends, fn decides how the stream ends
		returned := make(chan struct{})
		runtime.Go(ctx, func(ctx context.Context) error {
			err := errPanicked
			defer func() { // also runs while a panic unwinds to runtime.Go
				pipe.Close(err)
				close(returned)
			}()
			err = fn(ctx, pipe.Send)
			return nil // the stream yields err, and its reader may continue
		})
		defer func() {
			cancel()
			<-returned
		}()
		pipe.Stream()(yield)
	}
}
