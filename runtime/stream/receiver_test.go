package stream_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"github.com/grpcservice/grpcservice/runtime/server"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
	"github.com/grpcservice/grpcservice/runtime/stream"
)

func TestReceiverReturnsMessagesAndThenTheEnd(t *testing.T) {
	failed := errors.New("failed")
	for _, end := range []error{io.EOF, failed} {
		synctest.Test(t, func(t *testing.T) {
			in := stream.NewReceiver(t.Context(), func(yield func(*number, error) bool) {
				_ = yield(one, nil) && yield(wrapperspb.Int64(2), nil)
				if end == failed {
					yield(nil, failed)
				}
			})
			defer in.Close()
			for i, want := range []error{nil, nil, end, end} {
				if msg, err := in.Receive(); err != want || (msg != nil) != (want == nil) {
					t.Errorf("message %d: %v, %v, want %v", i, msg, err, want)
				}
			}
		})
	}
}

// TestReceiverEndsWithItsContext also closes a receiver early: the goroutine of the stream returns.
func TestReceiverEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		in := stream.NewReceiver(ctx, func(yield func(*number, error) bool) { <-ctx.Done() })
		for range 2 {
			if _, err := in.Receive(); status.Code(err) != codes.DeadlineExceeded {
				t.Errorf("got %v", err)
			}
		}
		in.Close()
		stream.NewReceiver(t.Context(), stream.Of(one, one)).Close()
	})
}

func TestReceiverRaisesPanics(t *testing.T) {
	in := stream.NewReceiver(t.Context(), func(func(*number, error) bool) { panic("boom") })
	defer in.Close()
	defer func() {
		if p, ok := recover().(*client.RequestPanic); !ok || p.Value != "boom" {
			t.Errorf("recovered %v", p)
		}
	}()
	_, _ = in.Receive()
}

// TestFoldEndsWhileTheServerDrains has one client that keeps sending, and one that is silent.
func TestFoldEndsWhileTheServerDrains(t *testing.T) {
	servicetest.NoLeaks(t)
	srv := server.New(server.WithDrainDelay(0))
	started := make(chan struct{}, 2)
	server.Register[duplexService](srv, duplexTable, duplexFunc(func(ctx context.Context, reqs runtime.Stream[number]) runtime.Stream[number] {
		return func(yield func(*number, error) bool) {
			sum, err := stream.Fold(ctx, reqs, int64(0), func(sum int64, n *number) (int64, error) {
				if sum == 0 {
					started <- struct{}{}
				}
				return sum + n.GetValue(), nil
			})
			if err != nil {
				yield(nil, err)
				return
			}
			yield(wrapperspb.Int64(sum), nil)
		}
	}))
	conn, err := grpc.NewClient(echotest.ListenAndServe(t, srv), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	call := func(reqs runtime.Stream[number]) ([]*number, error) {
		return stream.Collect(client.Bidi[number](t.Context(), client.Bind(conn, duplexTable.Methods()[0]), reqs))
	}
	type result struct {
		msgs []*number
		err  error
	}
	busy, silent := make(chan result, 1), make(chan result, 1)
	go func() {
		msgs, err := call(func(yield func(*number, error) bool) {
			for range 30 { // 1.5 s
				if !yield(one, nil) {
					return
				}
				time.Sleep(50 * time.Millisecond)
			}
		})
		busy <- result{msgs, err}
	}()
	go func() {
		pipe := stream.NewPipe[number](t.Context())
		go func() { _ = pipe.Send(one) }()
		msgs, err := call(pipe.Stream())
		silent <- result{msgs, err}
	}()
	echotest.Within(t, started)
	echotest.Within(t, started)
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	if err := srv.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	got := echotest.Within(t, busy)
	if got.err != nil || len(got.msgs) != 1 || got.msgs[0].GetValue() != 30 {
		t.Errorf("the client that sends got %v", got)
	}
	got = echotest.Within(t, silent)
	if status.Code(got.err) != codes.Unavailable || rpcerr.ReasonOf(got.err) != rpcerr.ReasonDraining {
		t.Errorf("the silent client got %v", got)
	}
}

func TestFoldStopsAtFailures(t *testing.T) {
	failed := errors.New("failed")
	add := func(sum int64, n *number) (int64, error) {
		if n.GetValue() < 0 {
			return -1, failed
		}
		return sum + n.GetValue(), nil
	}
	for name, s := range map[string]runtime.Stream[number]{
		"fold": stream.Of(one, one, wrapperspb.Int64(-1), one),
		"stream": func(yield func(*number, error) bool) {
			_ = yield(one, nil) && yield(wrapperspb.Int64(1), nil) && yield(nil, failed)
		},
	} {
		if sum, err := stream.Fold(t.Context(), s, 0, add); sum != 2 || err != failed {
			t.Errorf("%s: %d, %v", name, sum, err)
		}
	}
}

// TestAStreamThatEndsWithItsContext checks that a stream which returns without an error because its
// context has ended does not look complete.
func TestAStreamThatEndsWithItsContext(t *testing.T) {
	for range 100 {
		ctx, cancel := context.WithCancel(t.Context())
		r := stream.NewReceiver(ctx, func(func(*echotest.Text, error) bool) { cancel() })
		<-ctx.Done()
		time.Sleep(time.Millisecond) // so that the end of the stream is there, too
		if _, err := r.Receive(); status.Code(err) != codes.Canceled {
			t.Fatalf("got %v", err)
		}
		r.Close()
	}
}
