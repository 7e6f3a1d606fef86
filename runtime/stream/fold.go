package stream

import (
	"context"
	"io"

	"github.com/grpcservice/grpcservice/runtime"
)

// Fold combines the messages of a stream into one value: it calls fold with acc and the first
// message, then with what that returned and the second message, and so on. It holds one message at
// a time, so that memory is bounded if fold bounds the value.
//
//	sum, err := stream.Fold(ctx, reqs, newSum(), func(sum *sum, metric *shopv1.Metric) (*sum, error) {
//		return sum, sum.add(metric)
//	})
//
// Fold returns the value after the last message. If s or fold fails, it returns the value before
// the failure and the error. While the server of ctx's call drains, it waits for at most a second
// for the next message and then fails with [runtime.ErrDraining]: the client learns that not all of
// its messages were counted.
func Fold[T, A any](ctx context.Context, s runtime.Stream[T], acc A, fold func(acc A, msg *T) (A, error)) (A, error) {
	in := NewReceiver(ctx, s)
	defer in.Close()
	for {
		msg, err := in.Receive()
		if err == io.EOF {
			return acc, nil
		}
		if err != nil {
			return acc, err
		}
		next, err := fold(acc, msg)
		if err != nil {
			return acc, err
		}
		acc = next
	}
}
