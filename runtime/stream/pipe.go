package stream

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime"
)

// Errors of [Pipe.Send] and of the stream of a pipe after its end.
var (
	// ErrReaderGone reports that nothing ranges over the stream any more: the reader stopped, or
	// the call ended. Its code is CANCELED.
	ErrReaderGone = status.Error(codes.Canceled, "the reader of the stream is gone")
	// ErrClosed reports that [Pipe.Close] was called before.
	ErrClosed = errors.New("the pipe is closed; send before Close")
	// ErrStreamUsed reports that the stream of a pipe was ranged over before.
	ErrStreamUsed = errors.New("the stream of a pipe can be ranged over once")
)

var errNilMessage = errors.New("cannot send a nil message")

// Pipe connects code that sends messages with code that ranges over a stream, for example the
// requests of a call that are produced step by step:
//
//	requests := stream.NewPipe[chatv1.Message](ctx)
//	go func() { requests.Close(produce(requests.Send)) }()
//	for reply, err := range client.Chat(ctx, requests.Stream()) { … }
//
// Nothing is buffered: Send blocks until the reader has taken the message. To send and receive in
// turn, use [Converse]. A Pipe holds no goroutine. It does not need Close if its context ends or
// its reader stops.
type Pipe[T any] struct {
	ctx    context.Context
	msgs   chan *T
	closed chan struct{} // by Close
	gone   chan struct{} // by the end of the range
	once   sync.Once
	err    error // of Close; read after closed
	used   atomic.Bool
}

// NewPipe returns a pipe that works until ctx ends.
func NewPipe[T any](ctx context.Context) *Pipe[T] {
	return &Pipe[T]{ctx: ctx, msgs: make(chan *T), closed: make(chan struct{}), gone: make(chan struct{})}
}

// Send blocks until the reader takes msg. It returns [ErrReaderGone] if the reader has stopped,
// [ErrClosed] if the pipe is closed, the error of the pipe's context if that has ended, and an
// error if msg is nil. In these cases msg is not delivered. Send may be called concurrently.
func (p *Pipe[T]) Send(msg *T) error {
	if msg == nil {
		return errNilMessage
	}
	select {
	case <-p.closed: // even if the reader is still waiting
		return ErrClosed
	default:
	}
	select {
	case p.msgs <- msg:
		return nil
	case <-p.gone:
		return ErrReaderGone
	case <-p.closed:
		return ErrClosed
	case <-p.ctx.Done():
		return p.ctx.Err()
	}
}

// Close ends the stream, with err if it is not nil. All messages of completed Sends have been
// taken. Close does not wait. Only the first call has an effect.
func (p *Pipe[T]) Close(err error) {
	p.once.Do(func() {
		p.err = err
		close(p.closed)
	})
}

// Stream returns the messages as a stream that can be ranged over once; a second range yields
// [ErrStreamUsed]. If the pipe's context ends before Close, the stream ends with its error.
func (p *Pipe[T]) Stream() runtime.Stream[T] {
	return func(yield func(*T, error) bool) {
		if p.used.Swap(true) {
			yield(nil, ErrStreamUsed)
			return
		}
		defer close(p.gone)
		for {
			select {
			case msg := <-p.msgs:
				if !yield(msg, nil) {
					return
				}
				continue
			case <-p.closed:
			case <-p.ctx.Done():
			}
			if err := p.ending(); err != nil {
				yield(nil, err)
			}
			return
		}
	}
}

// ending returns the error that ends the stream. If the pipe was closed and its context has
// ended, the error of Close counts.
func (p *Pipe[T]) ending() error {
	select {
	case <-p.closed:
		return p.err
	default:
		return p.ctx.Err()
	}
}
