package stream

import (
	"context"
	"io"
	"sync"

	"github.com/grpcservice/grpcservice/runtime"
)

// Conversation is a bidi call of a client that sends and receives in turn: it says something, waits for the reply, and says the next
// thing. A loop over the responses of a call cannot do that, as nothing is sent before the loop starts.
//
// Requests may be sent by many goroutines at a time; one goroutine receives.
type Conversation[Req, Resp any] struct {
	requests *Pipe[Req]
	replies  <-chan item[Resp]
	end      error // what Receive returns from now on; nil while there may be replies
	cancel   context.CancelFunc
	close    func()
}

// Converse calls a bidi RPC at once: call is the method of a client.
//
//	c := stream.Converse(ctx, client.Chat)
//	defer c.Close()
//	if err := c.Send(hello); err != nil { … }
//	reply, err := c.Receive()
//
// The call lasts until it ends by itself, ctx ends, or [Conversation.Close] is called, which a caller must do.
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

// Send sends a request. It blocks until the call takes it, and returns an error if the call has ended; [Conversation.Receive] returns
// why.
func (c *Conversation[Req, Resp]) Send(req *Req) error {
	if c.requests.ctx.Err() != nil {
		return ErrReaderGone
	}
	return c.requests.Send(req)
}

// CloseSend ends the requests; replies may follow.
func (c *Conversation[Req, Resp]) CloseSend() { c.requests.Close(nil) }

// Receive returns the next reply. It returns [io.EOF] after the last one, and the status of the call if that failed; then it returns
// the same again. A panic of the call, such as one of an interceptor, is raised here, as a [client.RequestPanic].
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

// Close cancels the call, unless it has ended, and returns when nothing of it is left. Receive must not be called after it.
func (c *Conversation[Req, Resp]) Close() { c.close() }
