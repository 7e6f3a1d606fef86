// Package stream creates, collects and connects the message streams of streaming RPCs.
package stream

import (
	"cmp"
	"log/slog"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/each"
)

// Of returns a stream of msgs. It can be ranged over many times.
func Of[T any](msgs ...*T) runtime.Stream[T] {
	return func(yield func(*T, error) bool) {
		for _, msg := range msgs {
			if !yield(msg, nil) {
				return
			}
		}
	}
}

// Collect ranges over s and returns its messages. If s fails, it returns the messages before the
// failure and the error. All messages are in memory: bound streams that may not end.
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

// logLate logs that an iterator continued after its end.
func logLate() { slog.Warn(each.LateYield) }
