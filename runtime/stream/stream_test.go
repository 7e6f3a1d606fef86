package stream_test

import (
	"errors"
	"slices"
	"testing"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/stream"
)

type number = wrapperspb.Int64Value

// numbers returns the stream of the numbers below n.
func numbers(n int64) runtime.Stream[number] {
	return func(yield func(*number, error) bool) {
		for i := range n {
			if !yield(wrapperspb.Int64(i), nil) {
				return
			}
		}
	}
}

// values collects the values of s.
func values(s runtime.Stream[number]) (got []int64, err error) {
	msgs, err := stream.Collect(s)
	for _, msg := range msgs {
		got = append(got, msg.GetValue())
	}
	return got, err
}

func wantValues(t *testing.T, s runtime.Stream[number], wantErr error, want ...int64) {
	t.Helper()
	got, err := values(s)
	if !slices.Equal(got, want) || err != wantErr {
		t.Errorf("got %v, %v; want %v, %v", got, err, want, wantErr)
	}
}

func TestOf(t *testing.T) {
	s := stream.Of(wrapperspb.Int64(1), wrapperspb.Int64(2))
	wantValues(t, s, nil, 1, 2)
	wantValues(t, s, nil, 1, 2)
	for range s {
		break
	}
	wantValues(t, stream.Of[number](), nil)
}

func TestCollect(t *testing.T) {
	failed := errors.New("failed")
	wantValues(t, runtime.Fail[number](failed), failed)
	wantValues(t, func(yield func(*number, error) bool) {
		_ = yield(wrapperspb.Int64(7), nil) && yield(nil, failed)
	}, failed, 7)
	if msgs, err := stream.Collect(stream.Of[number]()); msgs != nil || err != nil {
		t.Errorf("got %v, %v", msgs, err)
	}
}
