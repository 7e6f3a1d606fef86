package stream

import (
	"fmt"
	"runtime/debug"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/internal/each"
)

// Until returns s, which fails with reason when done is closed. It is for methods that wait for the next request of a client that
// may have none to send, and that should end when the server drains:
//
//	for req, err := range stream.Until(reqs, runtime.Draining(ctx), runtime.ErrDraining) { … }
//
// A method that returns that error tells its client that the call was cut off. A nil reason ends the stream as if nothing were missing:
// do not use it for requests of which all count, such as the chunks of an upload.
//
// s is ranged over in a goroutine of its own, which ends when s yields next, or ends, after the range over the stream has; the
// requests of a call end with the call. What s yields then is lost. A panic in s goes on, as a [client.RequestPanic], in the
// range over the stream.
func Until[T any](s runtime.Stream[T], done <-chan struct{}, reason error) runtime.Stream[T] {
	return func(yield func(*T, error) bool) {
		items, stop := make(chan item[T]), make(chan struct{})
		defer close(stop)
		go pump(s, items, stop)
		for {
			select {
			case <-done:
				if reason != nil {
					yield(nil, reason)
				}
				return
			case next := <-items:
				if next.panic != nil {
					panic(next.panic)
				}
				if next.over && next.err == nil || !yield(next.msg, next.err) || next.err != nil {
					return
				}
			}
		}
	}
}

// item is what a stream does next: it yields, ends, or panics.
type item[T any] struct {
	msg   *T
	err   error
	over  bool
	panic *client.RequestPanic
}

// pump sends what s does until stop is closed.
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
var errEndedGoroutine = fmt.Errorf("the stream ended its goroutine, as FailNow of a test does; let it yield an error: %w", errPanicked)
