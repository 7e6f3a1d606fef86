package server_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"github.com/grpcservice/grpcservice/runtime/server"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
)

// TestNoPointOfACutLooksComplete cuts calls of each kind off at each of their messages: by the
// client, or by a shutdown that has no patience. A call that succeeds has all its messages, at both
// ends.
func TestNoPointOfACutLooksComplete(t *testing.T) {
	const messages = 4
	servicetest.NoLeaks(t)
	for _, cutBy := range []string{"client", "shutdown"} {
		for _, kind := range []string{"One", "Many", "Join", "Chat"} {
			for at := range messages + 2 {
				t.Run(fmt.Sprint(cutBy, " ", kind, " ", at), func(t *testing.T) {
					t.Parallel()
					cutOffAt(t, cutBy, kind, at, messages)
				})
			}
		}
	}
}

// cutOffAt cuts off one call when its method has come to a step.
func cutOffAt(t *testing.T, cutBy, kind string, at, messages int) {
	ended, reached := make(outcomes, 1), make(chan struct{})
	read := 0 // requests that the method has read
	step := func(ctx context.Context, n int) bool {
		if n == at {
			close(reached)
			<-ctx.Done()
		}
		return ctx.Err() == nil
	}
	respond := func(ctx context.Context, yield func(*text, error) bool) {
		for n := range messages { // returns without an error when the context ends, as careless methods do
			if !step(ctx, n) || !yield(echotest.TenBytes, nil) {
				return
			}
		}
		step(ctx, messages)
	}
	srv := echotest.Start(t, echotest.Funcs{
		OneFunc: func(ctx context.Context, _ *text) (*text, error) {
			for n := range messages + 1 {
				if !step(ctx, n) {
					return nil, ctx.Err()
				}
			}
			return echotest.TenBytes, nil
		},
		ManyFunc: func(ctx context.Context, _ *text) runtime.Stream[text] {
			return func(yield func(*text, error) bool) { respond(ctx, yield) }
		},
		JoinFunc: func(ctx context.Context, reqs runtime.Stream[text]) (*text, error) {
			for _, err := range reqs {
				if err != nil || !step(ctx, read) {
					break
				}
				read++
			}
			step(ctx, messages)
			return wrapperspb.String(fmt.Sprint(read)), nil
		},
		ChatFunc: func(ctx context.Context, reqs runtime.Stream[text]) runtime.Stream[text] {
			return func(yield func(*text, error) bool) { respond(ctx, yield) }
		},
	}, server.WithObservers(ended), server.WithShutdownTimeout(0))
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	got, called := 0, make(chan error, 1)
	rows := echotest.RowsOf(echotest.Table, srv.Conn)
	requests := func(yield func(*text, error) bool) {
		for range messages {
			if !yield(echotest.TenBytes, nil) {
				return
			}
		}
	}
	count := func(s runtime.Stream[text]) (err error) {
		var values []string
		values, err = echotest.Gather(s)
		got = len(values)
		return err
	}
	go func() {
		switch kind {
		case "One":
			_, err := client.Unary[text](ctx, rows[0], echotest.TenBytes)
			got = messages
			called <- err
		case "Many":
			called <- count(client.ServerStream[text](ctx, rows[1], echotest.TenBytes))
		case "Join":
			resp, err := client.ClientStream[text](ctx, rows[2], requests)
			_, _ = fmt.Sscan(resp.GetValue(), &got)
			called <- err
		case "Chat":
			called <- count(client.Bidi[text](ctx, rows[3], requests))
		}
	}()
	if at <= messages {
		echotest.Within(t, reached)
		if cutBy == "client" {
			cancel()
		} else {
			_ = srv.Stop()
		}
	}
	err := echotest.Within(t, called)
	outcome := echotest.Within(t, ended)
	if err == nil && got != messages {
		t.Errorf("the caller takes %d of %d messages for all", got, messages)
	}
	if at > messages && (err != nil || outcome.Err != nil) {
		t.Errorf("a call that nothing cuts off ended with %v, at the server with %v", err, outcome.Err)
	}
	if cut := at < messages; cut && (err == nil || outcome.Err == nil) {
		t.Errorf("the caller got %v, the log %v, want that both know of the cut", err, outcome.Err)
	}
	if cutBy == "shutdown" && err != nil && (status.Code(err) != codes.Unavailable || rpcerr.ReasonOf(err) != rpcerr.ReasonDraining) {
		t.Errorf("the caller got %v, want the drain reason", err)
	}
}

// TestHostileCalls has methods leave goroutines behind which start others, read, yield and panic.
func TestHostileCalls(t *testing.T) {
	const calls = 1_000 // 10,000 were tried
	servicetest.NoLeaks(t)
	var strays sync.WaitGroup
	stray := func(ctx context.Context, f func()) {
		started := make(chan struct{})
		strays.Go(func() {
			close(started)
			for range 3 {
				runtime.Go(ctx, func(context.Context) error { panic("stray") })
				f()
			}
			<-ctx.Done()
			f()
			runtime.Go(ctx, func(context.Context) error { return nil })
		})
		<-started
	}
	srv := echotest.Start(t, echotest.Funcs{
		OneFunc: func(ctx context.Context, _ *text) (*text, error) {
			stray(ctx, func() {})
			return echotest.TenBytes, nil
		},
		ManyFunc: func(ctx context.Context, _ *text) runtime.Stream[text] {
			return func(yield func(*text, error) bool) { stray(ctx, func() { yield(echotest.TenBytes, nil) }) }
		},
		JoinFunc: func(ctx context.Context, reqs runtime.Stream[text]) (*text, error) {
			stray(ctx, func() {
				for range reqs {
				}
			})
			return echotest.TenBytes, nil
		},
		ChatFunc: func(ctx context.Context, reqs runtime.Stream[text]) runtime.Stream[text] {
			return func(yield func(*text, error) bool) { stray(ctx, func() { reqs(yield) }) }
		},
	})
	var callers sync.WaitGroup
	for _, call := range echotest.Kinds {
		callers.Go(func() {
			for i := range calls / len(echotest.Kinds) {
				ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
				if i%4 == 0 {
					time.AfterFunc(time.Duration(i%7)*100*time.Microsecond, cancel)
				}
				_ = call(ctx, srv.Conn)
				cancel()
			}
		})
	}
	callers.Wait()
	echotest.Returns(t, strays.Wait)
	if err := srv.Stop(); err != nil {
		t.Errorf("Serve returned %v", err)
	}
}
