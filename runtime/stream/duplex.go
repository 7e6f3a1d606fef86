package stream

import (
	"context"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime"
)

// errPanicked is what the stream ends with when fn has panicked; the log knows more.
var errPanicked = status.Error(codes.Internal, "internal error")

// Duplex returns the responses of a bidi method that reads and answers independently: what fn sends, until fn returns, and
// then its error.
//
//	func (s *Chat) Converse(ctx context.Context, reqs runtime.Stream[chatv1.Line]) runtime.Stream[chatv1.Line] {
//		return stream.Duplex(ctx, func(ctx context.Context, send func(*chatv1.Line) error) error {
//			for req, err := range reqs { … send(line) … }
//		})
//	}
//
// Each range over the stream runs fn once, in a goroutine of [runtime.Go]: a panic in fn is logged with the request ID, and
// the stream ends with INTERNAL. When the reader stops, send returns an error and the context that fn gets ends; the range
// returns when fn has. So fn must end with its context. The requests of a call end when the call does, or when the responses
// cannot be sent; a reader that breaks out of the range for reasons of its own waits until fn sees a request or their end.
//
// Sending blocks until the message is taken; many goroutines may send at a time, until fn returns.
func Duplex[Resp any](ctx context.Context, fn func(ctx context.Context, send func(*Resp) error) error) runtime.Stream[Resp] {
	return func(yield func(*Resp, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		pipe := NewPipe[Resp](context.WithoutCancel(ctx)) // when ctx ends, fn says how the stream does
		returned := make(chan struct{})
		runtime.Go(ctx, func(ctx context.Context) error {
			err := errPanicked
			defer func() { // runs on the way of a panic to runtime.Go, too
				pipe.Close(err)
				close(returned)
			}()
			err = fn(ctx, pipe.Send)
			return nil // the stream tells of err, and its reader may go on
		})
		defer func() {
			cancel()
			<-returned
		}()
		pipe.Stream()(yield)
	}
}
