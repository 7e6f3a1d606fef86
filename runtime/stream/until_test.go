package stream_test

import (
	"context"
	"errors"
	goruntime "runtime"
	"testing"
	"testing/synctest"

	"google.golang.org/grpc/codes"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
	"github.com/grpcservice/grpcservice/runtime/stream"
)

func TestUntilIsTheStream(t *testing.T) {
	failed := errors.New("failed")
	for _, end := range []error{nil, failed} {
		synctest.Test(t, func(t *testing.T) {
			s := func(yield func(*number, error) bool) {
				for n := range numbers(3) {
					if !yield(n, nil) {
						return
					}
				}
				if end != nil {
					yield(nil, end)
				}
			}
			wantValues(t, stream.Until(s, make(chan struct{}), nil), end, 0, 1, 2)
		})
	}
}

func TestUntilEndsWhenItIsDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		done, over := make(chan struct{}), make(chan struct{})
		s := func(yield func(*number, error) bool) {
			if yield(one, nil) {
				<-over // a client that has nothing to say
				yield(one, nil)
			}
		}
		got, ended := 0, error(nil)
		for _, err := range stream.Until(s, done, runtime.ErrDraining) {
			if ended = err; err == nil {
				got++
				close(done)
			}
		}
		if got != 1 || ended != runtime.ErrDraining {
			t.Errorf("%d messages and %v, want one and the reason", got, ended)
		}
		close(over)
	})
}

func TestUntilStopsItsStreamWhenTheReaderStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stopped := make(chan struct{})
		s := func(yield func(*number, error) bool) {
			defer close(stopped)
			for yield(one, nil) {
			}
		}
		for range stream.Until(s, nil, nil) {
			break
		}
		<-stopped
	})
}

func TestUntilPassesAPanicOn(t *testing.T) {
	defer func() {
		if p, ok := recover().(*client.RequestPanic); !ok || p.Value != "boom" {
			t.Errorf("recovered %v", p)
		}
	}()
	for range stream.Until(func(func(*number, error) bool) { panic("boom") }, nil, nil) {
		t.Error("a stream that panics yielded")
	}
}

// TestUntilFailsWithAStreamThatEndsItsGoroutine checks that such a stream does not look complete.
func TestUntilFailsWithAStreamThatEndsItsGoroutine(t *testing.T) {
	got, err := stream.Collect(stream.Until(func(yield func(*number, error) bool) {
		yield(one, nil)
		goruntime.Goexit() // as FailNow does
	}, nil, nil))
	if len(got) != 1 || rpcerr.PublicStatus(err).Code() != codes.Internal {
		t.Errorf("got %d messages and %v, want one and INTERNAL", len(got), err)
	}
}

// TestUntilEndsAnOpenChatAtTheShutdown holds what Until is for.
func TestUntilEndsAnOpenChatAtTheShutdown(t *testing.T) {
	servicetest.NoLeaks(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	requests := stream.NewPipe[number](ctx) // nobody sends
	opened := false
	for _, err := range chat(t, ctx, requests.Stream(), func(ctx context.Context, reqs runtime.Stream[number], send func(*number) error) error {
		if err := send(one); err != nil {
			return err
		}
		done := make(chan struct{})
		close(done)
		for range stream.Until(reqs, done, nil) {
			t.Error("there was a request")
		}
		return nil
	}) {
		if opened = true; err != nil {
			t.Error(err)
		}
	}
	if !opened {
		t.Error("the chat did not open")
	}
}
