package stream

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"runtime/debug"
	"time"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/internal/each"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// drainPatience is how long a [Receiver] waits for a message while the server drains: long enough
// for a client that is sending, short enough for one that is silent.
const drainPatience = time.Second

// Receiver receives the messages of a stream one at a time, for code that cannot be a loop over the
// stream, such as an [io.Reader]:
//
//	in := stream.NewReceiver(ctx, reqs)
//	defer in.Close()
//	first, err := in.Receive()
//
// A separate goroutine ranges over the stream, one message ahead. A loop is faster: a Receiver
// costs some 200 ns a message. Its methods must be called by one goroutine at a time.
type Receiver[T any] struct {
	ctx   context.Context
	items <-chan item[T]
	stop  chan struct{}
	end   error // what Receive returns from now on; nil while there may be messages
}

// NewReceiver starts to range over s. The caller must call [Receiver.Close].
func NewReceiver[T any](ctx context.Context, s runtime.Stream[T]) *Receiver[T] {
	items, stop := make(chan item[T]), make(chan struct{})
	go pump(s, items, stop)
	return &Receiver[T]{ctx: ctx, items: items, stop: stop}
}

// Receive returns the next message. After the last one it returns [io.EOF], or the error that the
// stream yielded, and the same error from then on. If ctx ends first, it returns CANCELED or
// DEADLINE_EXCEEDED. While the server of ctx's call drains, it waits for at most a second and then
// returns [runtime.ErrDraining]. It raises a panic of the stream as a [client.RequestPanic].
func (r *Receiver[T]) Receive() (*T, error) {
	if r.end != nil {
		return nil, r.end
	}
	next, err := r.next()
	switch {
	case err != nil:
		r.end = err
	case next.panic != nil:
		r.end = errPanicked
		panic(next.panic)
	case next.over && next.err == nil:
		// A stream that ends without an error because ctx has ended is not complete.
		r.end = cmp.Or(ended(r.ctx), io.EOF)
	default:
		r.end = next.err
	}
	if r.end != nil {
		return nil, r.end
	}
	return next.msg, nil
}

// next waits for what the stream does next.
func (r *Receiver[T]) next() (next item[T], err error) {
	select {
	case next = <-r.items:
		return next, nil
	case <-r.ctx.Done():
		return next, ended(r.ctx)
	case <-runtime.Draining(r.ctx):
	}
	patience := time.NewTimer(drainPatience)
	defer patience.Stop()
	select {
	case next = <-r.items:
		return next, nil
	case <-r.ctx.Done():
		return next, ended(r.ctx)
	case <-patience.C:
		return next, runtime.ErrDraining
	}
}

// ended returns the error of a context that has ended, or nil.
func ended(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return rpcerr.Upstream(ctx, err)
	}
	return nil
}

// Close ends the range over the stream. The goroutine returns when the stream yields next or ends;
// the requests of a call end with the call. Close must be called once.
func (r *Receiver[T]) Close() { close(r.stop) }

// item is an event of a stream: it yields, ends, or panics.
type item[T any] struct {
	msg   *T
	err   error
	over  bool
	panic *client.RequestPanic
}

// pump sends the events of s until stop is closed.
func pump[T any](s runtime.Stream[T], items chan<- item[T], stop <-chan struct{}) {
	last := item[T]{err: errEndedGoroutine, over: true} // unless s returns
	defer func() {
		if value := recover(); value != nil {
			last.panic = &client.RequestPanic{Value: value, Stack: debug.Stack()}
		}
		select {
		case items <- last:
		case <-stop:
		}
	}()
	last.err = each.Range(s, logLate, func(msg *T, err error) bool {
		select {
		case items <- item[T]{msg: msg, err: err}:
			return true
		case <-stop:
			return false
		}
	})
}

// errEndedGoroutine is INTERNAL "internal error" for callers; its own text is for the log.
var errEndedGoroutine = fmt.Errorf("the stream ended its goroutine, as a test's FailNow does; yield an error instead: %w", errPanicked)
