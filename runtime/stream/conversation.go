package stream

import (
	"context"
	"io"
	"sync"

	"github.com/grpcservice/grpcservice/runtime"
)

// Conversation is a bidi call of a client that sends and receives in turn: it sends a request,
// waits for the response, and sends the next one. A loop over the responses of a call cannot do
// that, because nothing is sent before the loop starts.
//
// Send may be called concurrently; Receive must be called by one goroutine at a time.
type Conversation[Req, Resp any] struct {
	requests *Pipe[Req]
	replies  <-chan item[Resp]
	end      error // what Receive returns from now on; nil while there may be replies
	cancel   context.CancelFunc
	close    func()
}

// Converse starts a bidi call at once. call is the method of a client.
//
//	c := stream.Converse(ctx, client.Chat)
//	defer c.Close()
//	if err := c.Send(hello); err != nil { … }
//	reply, err := c.Receive()
//
// The call lasts until it ends by itself, ctx ends, or [Conversation.Close] is called. The caller
// must call Close.
func Converse[Req, Resp any](ctx context.Context, call func(context.Context, runtime.Stream[Req]) runtime.Stream[Resp]) *Conversation[Req, Resp] {
	ctx, cancel := context.WithCancel(ctx)
	requests, replies := NewPipe[Req](ctx), make(chan item[Resp])
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		pump(call(ctx, requests.Stream()), replies, stop)
	}()
	return &Conversation[Req, Resp]{requests: requests, replies: replies, cancel: cancel, close: sync.OnceFunc(func() {
		cancel()
		close(stop)
		<-ended
	})}
}

// Send sends a request. It blocks until the call takes the request, and returns an error if the
// call has ended; [Conversation.Receive] returns why.
func (c *Conversation[Req, Resp]) Send(req *Req) error {
	if c.requests.ctx.Err() != nil {
		return ErrReaderGone
	}
	return c.requests.Send(req)
}

// CloseSend ends the requests. Responses may follow.
func (c *Conversation[Req, Resp]) CloseSend() { c.requests.Close(nil) }

// Receive returns the next response. After the last one it returns [io.EOF], or the status of the
// call if the call failed, and the same error from then on. It raises panics of the call, such as
// those of an interceptor, as a [client.RequestPanic].
func (c *Conversation[Req, Resp]) Receive() (*Resp, error) {
	if c.end != nil {
		return nil, c.end
	}
	next := <-c.replies
	switch {
	case next.panic != nil:
		c.end = errPanicked
		c.cancel()
		panic(next.panic)
	case next.over:
		c.end = io.EOF
	default:
		c.end = next.err
	}
	if c.end != nil {
		c.cancel() // no request is taken any more
	}
	return next.msg, c.end
}

// Close cancels the call unless it has ended, and returns when the call has finished. Receive
// must not be called after Close.
func (c *Conversation[Req, Resp]) Close() { c.close() }
