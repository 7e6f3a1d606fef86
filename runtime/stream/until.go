package stream

import (
	"github.com/grpcservice/grpcservice/runtime"
)

// Until returns a stream of s that fails with reason when done is closed. It is for methods that
// wait for the next request of an idle client and must end when the server drains:
//
//	for req, err := range stream.Until(reqs, runtime.Draining(ctx), runtime.ErrDraining) { … }
//
// A method that returns that error reports to its client that the call was cut off. With a nil
// reason, the stream ends as if it were complete: do not use that if every request counts, as with
// the chunks of an upload.
//
// A separate goroutine ranges over s. After the range over the stream has ended, the goroutine
// returns when s yields next or ends; the requests of a call end with the call. What s yields
// then is lost. A panic in s is raised, as a [client.RequestPanic], in the range over the stream.
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
