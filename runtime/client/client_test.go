package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
	streams "github.com/grpcservice/grpcservice/runtime/stream"
)

// wantEnd compares what a stream yielded.
func wantEnd(t *testing.T, s runtime.Stream[text], code codes.Code, want ...string) {
	t.Helper()
	got, err := echotest.Gather(s)
	if status.Code(err) != code || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the stream yielded %q and then %v; want %q and then %v", got, err, want, code)
	}
}

func TestClientCallsEachKind(t *testing.T) {
	stub := echotest.Connect(t, echotest.Funcs{
		OneFunc: func(_ context.Context, req *text) (*text, error) { return req, nil },
		ManyFunc: func(_ context.Context, req *text) runtime.Stream[text] {
			return echotest.Texts(req.GetValue(), req.GetValue())
		},
		JoinFunc: func(_ context.Context, reqs runtime.Stream[text]) (*text, error) {
			values, err := echotest.Gather(reqs)
			return wrapperspb.String(fmt.Sprint(values)), err
		},
		ChatFunc: func(_ context.Context, reqs runtime.Stream[text]) runtime.Stream[text] { return reqs },
	})
	ctx := echotest.Context(t)
	if resp, err := stub.One(ctx, wrapperspb.String("a")); err != nil || resp.GetValue() != "a" {
		t.Errorf("One: %v, %v", resp, err)
	}
	if resp, err := stub.Join(ctx, echotest.Texts("a", "b")); err != nil || resp.GetValue() != "[a b]" {
		t.Errorf("Join: %v, %v", resp, err)
	}
	many, chat := stub.Many(ctx, wrapperspb.String("a")), stub.Chat(ctx, echotest.Texts("a", "b", "c"))
	for range 2 { // each range is a call
		wantEnd(t, many, codes.OK, "a", "a")
		wantEnd(t, chat, codes.OK, "a", "b", "c")
	}
}

func TestClientGetsTheStatus(t *testing.T) {
	lost := status.Error(codes.DataLoss, "lost")
	stub := echotest.Connect(t, echotest.Funcs{
		OneFunc:  func(context.Context, *text) (*text, error) { return nil, lost },
		JoinFunc: func(context.Context, runtime.Stream[text]) (*text, error) { return nil, lost },
		ManyFunc: func(context.Context, *text) runtime.Stream[text] {
			return func(yield func(*text, error) bool) { _ = yield(wrapperspb.String("a"), nil) && yield(nil, lost) }
		},
		ChatFunc: func(context.Context, runtime.Stream[text]) runtime.Stream[text] { return runtime.Fail[text](lost) },
	})
	ctx := echotest.Context(t)
	_, err := stub.One(ctx, &text{})
	_, joinErr := stub.Join(ctx, echotest.Endless)
	for _, err := range []error{err, joinErr} {
		if status.Code(err) != codes.DataLoss || status.Convert(err).Message() != "lost" {
			t.Errorf("got %v", err)
		}
	}
	wantEnd(t, stub.Many(ctx, &text{}), codes.DataLoss, "a")
	wantEnd(t, stub.Chat(ctx, echotest.Endless), codes.DataLoss)
}

// TestBreakingOutCancels checks that the method ends with its caller's loop, and that call options
// are filled then.
func TestBreakingOutCancels(t *testing.T) {
	ended := make(chan error, 1)
	answer := func(ctx context.Context) runtime.Stream[text] {
		return func(yield func(*text, error) bool) {
			_ = grpc.SetHeader(ctx, metadata.Pairs("shelf", "new"))
			if yield(wrapperspb.String("first"), nil) {
				<-ctx.Done()
			}
			ended <- ctx.Err()
		}
	}
	stub := echotest.Connect(t, echotest.Funcs{
		ManyFunc: func(ctx context.Context, _ *text) runtime.Stream[text] { return answer(ctx) },
		ChatFunc: func(ctx context.Context, _ runtime.Stream[text]) runtime.Stream[text] { return answer(ctx) },
	})
	var header metadata.MD
	ctx := client.WithCallOptions(echotest.Context(t), grpc.Header(&header))
	for name, responses := range map[string]runtime.Stream[text]{
		"many": stub.Many(ctx, &text{}), "chat": stub.Chat(ctx, echotest.Endless),
	} {
		header = nil
		for range responses {
			break
		}
		if got := header.Get("shelf"); len(got) != 1 {
			t.Errorf("%s: the header is %v", name, header)
		}
		if err := echotest.Within(t, ended); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: the method's context ended with %v", name, err)
		}
	}
}

// TestStreamsAreReleasedWhenTheLoopPanics holds the same for a loop that panics.
func TestStreamsAreReleasedWhenTheLoopPanics(t *testing.T) {
	ended := make(chan error, 1)
	stub := echotest.Connect(t, echotest.Funcs{ChatFunc: func(ctx context.Context, _ runtime.Stream[text]) runtime.Stream[text] {
		return func(yield func(*text, error) bool) {
			for yield(wrapperspb.String("more"), nil) {
			}
			ended <- ctx.Err()
		}
	}})
	func() {
		defer func() {
			if value := recover(); value != "loop" {
				t.Errorf("recovered %v", value)
			}
		}()
		for range stub.Chat(echotest.Context(t), echotest.Endless) {
			panic("loop")
		}
	}()
	if err := echotest.Within(t, ended); !errors.Is(err, context.Canceled) {
		t.Errorf("the method's context ended with %v", err)
	}
}

// TestRequestStreamsThatFail holds what becomes of errors and mistakes in streams of requests.
func TestRequestStreamsThatFail(t *testing.T) {
	broken := errors.New("broken disk")
	ended := make(chan error, 1)
	stub := echotest.Connect(t, echotest.Funcs{
		JoinFunc: func(_ context.Context, reqs runtime.Stream[text]) (*text, error) {
			_, err := echotest.Gather(reqs)
			ended <- err
			return nil, err
		},
		ChatFunc: func(_ context.Context, reqs runtime.Stream[text]) runtime.Stream[text] {
			_, err := echotest.Gather(reqs)
			ended <- err
			return runtime.Fail[text](err)
		},
	})
	fail := func(err error) runtime.Stream[text] {
		return func(yield func(*text, error) bool) { _ = yield(wrapperspb.String("a"), nil) && yield(nil, err) }
	}
	ctx := echotest.Context(t)
	for name, test := range map[string]struct {
		reqs runtime.Stream[text]
		want string
		sent bool
	}{
		"an error":      {fail(broken), "the request stream failed: broken disk", true},
		"the end":       {fail(io.EOF), "the request stream failed: EOF", true},
		"a status":      {fail(status.Error(codes.DataLoss, "lost")), "lost", true},
		"a nil message": {fail(nil), "test.v1.Echo/%s: the request stream yielded neither a message nor an error; yield one of them", true},
		"a nil stream":  {nil, "test.v1.Echo/%s: the request stream is nil; pass an empty stream to send nothing", false},
	} {
		_, joinErr := stub.Join(ctx, test.reqs)
		_, chatErr := echotest.Gather(stub.Chat(ctx, test.reqs))
		for method, err := range map[string]error{"Join": joinErr, "Chat": chatErr} {
			want := strings.ReplaceAll(test.want, "%s", method)
			if name == "an error" && !errors.Is(err, broken) {
				t.Errorf("%s, %s: the error does not wrap the one that was yielded: %v", name, method, err)
			}
			if st, ok := status.FromError(err); !ok || !strings.HasSuffix(err.Error(), want) {
				t.Errorf("%s, %s: got %v, want a status with %s", name, method, st, want)
			}
			if test.sent && status.Code(echotest.Within(t, ended)) != codes.Canceled {
				t.Errorf("%s, %s: the server did not see the call canceled", name, method)
			}
		}
	}
}

// TestCallsThatEndWhileARequestIsAwaited checks that a call which its deadline or its caller ends
// has that status, though a stream of requests that watches the same context fails first.
func TestCallsThatEndWhileARequestIsAwaited(t *testing.T) {
	silent := func(reqs runtime.Stream[text]) error {
		_, err := echotest.Gather(reqs)
		return err
	}
	stub := echotest.Connect(t, echotest.Funcs{
		JoinFunc: func(_ context.Context, reqs runtime.Stream[text]) (*text, error) { return nil, silent(reqs) },
		ChatFunc: func(_ context.Context, reqs runtime.Stream[text]) runtime.Stream[text] {
			return runtime.Fail[text](silent(reqs))
		},
	})
	waiting := func(ctx context.Context) runtime.Stream[text] { // as the stream of a pipe is
		return func(yield func(*text, error) bool) {
			<-ctx.Done()
			yield(nil, ctx.Err())
		}
	}
	for range 50 {
		for want, end := range map[codes.Code]func() (context.Context, context.CancelFunc){
			codes.DeadlineExceeded: func() (context.Context, context.CancelFunc) {
				return context.WithTimeout(context.Background(), time.Millisecond)
			},
			codes.Canceled: func() (context.Context, context.CancelFunc) {
				ctx, cancel := context.WithCancel(context.Background())
				time.AfterFunc(time.Millisecond, cancel)
				return ctx, cancel
			},
		} {
			ctx, cancel := end()
			_, joinErr := stub.Join(ctx, waiting(ctx))
			cancel()
			ctx, cancel = end()
			_, chatErr := echotest.Gather(stub.Chat(ctx, waiting(ctx)))
			cancel()
			for method, err := range map[string]error{"Join": joinErr, "Chat": chatErr} {
				if st, ok := status.FromError(err); !ok || st.Code() != want {
					t.Fatalf("%s: got %v, want %v", method, err, want)
				}
			}
		}
	}
}

// TestServerAnswersEarly checks that requests are taken no longer than the server wants them.
func TestServerAnswersEarly(t *testing.T) {
	stub := echotest.Connect(t, echotest.Funcs{
		JoinFunc: func(context.Context, runtime.Stream[text]) (*text, error) { return wrapperspb.String("enough"), nil },
		ChatFunc: func(context.Context, runtime.Stream[text]) runtime.Stream[text] { return echotest.Texts("enough") },
	})
	ctx := echotest.Context(t)
	if resp, err := stub.Join(ctx, echotest.Endless); err != nil || resp.GetValue() != "enough" {
		t.Errorf("Join: %v, %v", resp, err)
	}
	wantEnd(t, stub.Chat(ctx, echotest.Endless), codes.OK, "enough")
}

// TestSendingDoesNotHoldBreakingUp breaks out while a request waits for a server that does not
// read.
func TestSendingDoesNotHoldBreakingUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stub := echotest.Connect(t, silentChat)
		big := wrapperspb.String(string(make([]byte, 1<<20)))
		over := make(chan struct{})
		for range stub.Chat(t.Context(), func(yield func(*text, error) bool) {
			defer close(over)
			for yield(big, nil) {
			}
		}) {
			synctest.Wait() // for the sender to be stuck
			break
		}
		echotest.Within(t, over)
	})
}

// TestProxiesDoNotWaitForTheirCaller checks that a call ends although its requests are those of a
// server call that is quiet.
func TestProxiesDoNotWaitForTheirCaller(t *testing.T) {
	servicetest.NoLeaks(t)
	upstream := echotest.Client{Rows: echotest.RowsOf(echotest.Table, echotest.Start(t, echotest.Funcs{
		ChatFunc: func(_ context.Context, reqs runtime.Stream[text]) runtime.Stream[text] {
			return func(yield func(*text, error) bool) {
				for req := range reqs {
					_ = yield(req, nil) && yield(nil, status.Error(codes.NotFound, "no such room"))
					return
				}
			}
		},
	}).Conn)}
	proxy := echotest.Client{Rows: echotest.RowsOf(echotest.Table, echotest.Start(t, upstream).Conn)}
	requests := streams.NewPipe[text](echotest.Context(t))
	defer requests.Close(nil)
	go func() { _ = requests.Send(wrapperspb.String("hello")) }() // and no more
	wantEnd(t, proxy.Chat(echotest.Context(t), requests.Stream()), codes.NotFound, "hello")
}

func TestClientDeadlineReachesTheServer(t *testing.T) {
	stub := echotest.Connect(t, echotest.Funcs{ManyFunc: func(ctx context.Context, _ *text) runtime.Stream[text] {
		return func(yield func(*text, error) bool) {
			if _, ok := ctx.Deadline(); !ok {
				yield(nil, status.Error(codes.FailedPrecondition, "no deadline"))
				return
			}
			<-ctx.Done()
			yield(nil, ctx.Err())
		}
	}})
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	wantEnd(t, stub.Many(ctx, &text{}), codes.DeadlineExceeded)
}

func TestCallOptionsOfTheContext(t *testing.T) {
	stub := echotest.Connect(t, echotest.Funcs{OneFunc: func(ctx context.Context, req *text) (*text, error) {
		_ = grpc.SetTrailer(ctx, metadata.Pairs("shelf", "new"))
		return req, nil
	}})
	var first, second metadata.MD
	outer := client.WithCallOptions(echotest.Context(t), grpc.Trailer(&first))
	inner := client.WithCallOptions(outer, grpc.Trailer(&second))
	_ = client.WithCallOptions(outer, grpc.MaxCallRecvMsgSize(0)) // must not reach inner
	if _, err := stub.One(inner, wrapperspb.String("a")); err != nil {
		t.Fatal(err)
	}
	if len(first["shelf"]) != 1 || len(second["shelf"]) != 1 {
		t.Errorf("trailers: %v, %v", first, second)
	}
	tiny := client.WithCallOptions(echotest.Context(t), grpc.MaxCallRecvMsgSize(1))
	if _, err := stub.One(tiny, wrapperspb.String("long")); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("got %v", err)
	}
}

// TestRequestIDGoesOut holds which request ID a call carries.
func TestRequestIDGoesOut(t *testing.T) {
	id := func(ctx context.Context, _ *text) (*text, error) {
		call, _ := runtime.CallFromContext(ctx)
		sent := metadata.ValueFromIncomingContext(ctx, "x-request-id")
		return wrapperspb.String(call.RequestID()), map[bool]error{false: status.Errorf(codes.Aborted, "sent %q", sent)}[len(sent) == 1]
	}
	last := echotest.Connect(t, echotest.Funcs{OneFunc: id})
	seen := make(chan string, 1)
	first := echotest.Connect(t, echotest.Funcs{OneFunc: func(ctx context.Context, req *text) (*text, error) {
		call, _ := runtime.CallFromContext(ctx)
		seen <- call.RequestID()
		return last.One(ctx, req)
	}})
	bare := echotest.Context(t)
	for name, test := range map[string]struct {
		ctx  context.Context
		want string
	}{
		"made":                        {bare, ""},
		"the caller's own":            {metadata.AppendToOutgoingContext(bare, "X-Request-Id", "mine"), "mine"},
		"made, beside other metadata": {metadata.AppendToOutgoingContext(bare, "shelf", "new"), ""},
	} {
		resp, err := first.One(test.ctx, &text{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got := echotest.Within(t, seen)
		if resp.GetValue() != got || test.want != "" && got != test.want || len(got) == 0 {
			t.Errorf("%s: the first server saw %q, the second %q", name, got, resp.GetValue())
		}
	}
}
