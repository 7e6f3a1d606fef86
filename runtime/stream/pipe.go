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

// What [Pipe.Send] and the stream of a pipe return when they are used beyond their end.
var (
	// ErrReaderGone says that nobody ranges over the stream any more: whoever did has stopped, or the call has ended. Its
	// code is CANCELED.
	ErrReaderGone = status.Error(codes.Canceled, "the reader of the stream is gone")
	// ErrClosed says that [Pipe.Close] was called before.
	ErrClosed = errors.New("the pipe is closed; send before Close")
	// ErrStreamUsed says that the stream of a pipe was ranged over before.
	ErrStreamUsed = errors.New("the stream of a pipe can be ranged over once")
)

var errNilMessage = errors.New("cannot send a nil message")

// Pipe connects code that sends messages with code that ranges over a stream, as requests of a call that are made bit by
// bit:
//
//	requests := stream.NewPipe[chatv1.Message](ctx)
//	go func() { requests.Close(produce(requests.Send)) }()
//	for reply, err := range client.Chat(ctx, requests.Stream()) { … }
//
// Nothing is buffered: a message is sent when the reader has taken it, so that Send blocks until somebody ranges. To send and receive in
// turn, use [Converse]. A Pipe holds no goroutine and needs no Close where
// its context ends or its reader leaves.
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

// Send blocks until the reader takes msg. It returns [ErrReaderGone] when the reader has gone, [ErrClosed] when the pipe is
// closed, and the error of the pipe's context when that has ended; msg is not delivered then, nor is a nil one, which is an
// error too. Many goroutines may send at a time.
func (p *Pipe[T]) Send(msg *T) error {
	if msg == nil {
		return errNilMessage
	}
	select {
	case <-p.closed: // even if the reader, who has yet to learn of it, waits
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

// Close ends the stream: with err, or cleanly if err is nil. Messages that were sent before have been taken. It does not
// wait, and only the first Close counts.
func (p *Pipe[T]) Close(err error) {
	p.once.Do(func() {
		p.err = err
		close(p.closed)
	})
}

// Stream returns what is sent, as a stream that can be ranged over once; a second range yields [ErrStreamUsed]. When the
// pipe's context ends before Close, the stream ends with its error.
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

// ending returns what the stream ends with. When both ends came at a time, that of Close counts.
func (p *Pipe[T]) ending() error {
	select {
	case <-p.closed:
		return p.err
	default:
		return p.ctx.Err()
	}
}
