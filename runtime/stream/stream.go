// Package stream makes, collects and connects the streams of messages that streaming RPCs take and return.
package stream

import "github.com/grpcservice/grpcservice/runtime"

// Of returns the stream of msgs. It may be ranged over many times.
func Of[T any](msgs ...*T) runtime.Stream[T] {
	return func(yield func(*T, error) bool) {
		for _, msg := range msgs {
			if !yield(msg, nil) {
				return
			}
		}
	}
}

// Collect ranges over s and returns its messages; if s fails, those before the failure, and the error. It keeps them all
// in memory: bound a stream that may not end.
func Collect[T any](s runtime.Stream[T]) ([]*T, error) {
	var msgs []*T
	for msg, err := range s {
		if err != nil {
			return msgs, err
		}
		msgs = append(msgs, msg)
	}
	return msgs, nil
}
