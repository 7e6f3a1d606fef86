// Package stream makes, collects and connects the streams of messages that streaming RPCs take and return.
package stream

import (
	"cmp"
	"log/slog"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/each"
)

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
	var failure error
	ignored := each.Range(s, logLate, func(msg *T, err error) bool {
		if failure = err; err == nil {
			msgs = append(msgs, msg)
		}
		return err == nil
	})
	return msgs, cmp.Or(failure, ignored)
}

// logLate reports an iterator that goes on after its end.
func logLate() { slog.Warn(each.LateYield) }
