package stream_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/server"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
	"github.com/grpcservice/grpcservice/runtime/stream"
)

func TestDuplexYieldsWhatIsSentAndThenTheError(t *testing.T) {
	failed := errors.New("failed")
	for _, end := range []error{nil, failed} {
		synctest.Test(t, func(t *testing.T) {
			var later func(*number) error
			s := stream.Duplex(t.Context(), func(_ context.Context, send func(*number) error) error {
				later = send
				for n := range numbers(3) {
					if err := send(n); err != nil {
						return err
					}
				}
				return end
			})
			wantValues(t, s, end, 0, 1, 2)
			wantValues(t, s, end, 0, 1, 2) // each range runs it
			if err := later(one); err != stream.ErrClosed {
				t.Errorf("send after the end: %v", err)
			}
		})
	}
}

// TestDuplexIsJoined checks that its goroutine is told when the reader stops, and has returned when
// the range does.
func TestDuplexIsJoined(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		returned := false
		for range stream.Duplex(t.Context(), func(ctx context.Context, send func(*number) error) error {
			defer func() { returned = true }()
			if err := send(one); err != nil {
				t.Error(err)
			}
			<-ctx.Done()
			if err := send(one); err != stream.ErrReaderGone {
				t.Errorf("send: %v", err)
			}
			return ctx.Err()
		}) {
			break
		}
		if !returned {
			t.Error("the range returned before fn")
		}
	})
}

// TestDuplexEndsWithWhatItSaysOfItsContext checks that fn has the last word when the context ends.
func TestDuplexEndsWithWhatItSaysOfItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		last := errors.New("closing time")
		s := stream.Duplex(ctx, func(ctx context.Context, send func(*number) error) error {
			<-ctx.Done()
			return errors.Join(send(one), last)
		})
		go cancel()
		got, err := values(s)
		if len(got) != 1 || !errors.Is(err, last) {
			t.Errorf("got %v, %v", got, err)
		}
	})
}

// duplexService has one bidi RPC.
type duplexService interface {
	Chat(context.Context, runtime.Stream[number]) runtime.Stream[number]
}

type duplexFunc func(context.Context, runtime.Stream[number]) runtime.Stream[number]

func (f duplexFunc) Chat(ctx context.Context, reqs runtime.Stream[number]) runtime.Stream[number] {
	return f(ctx, reqs)
}

var duplexTable = runtime.NewService("test.v1.Duplex", wrapperspb.File_google_protobuf_wrappers_proto,
	runtime.Bidi("Chat", duplexService.Chat, runtime.Policy{}))

// chat serves fn as a Duplex, and calls it.
func chat(t *testing.T, ctx context.Context, reqs runtime.Stream[number], fn func(context.Context, runtime.Stream[number], func(*number) error) error, opts ...server.Option) runtime.Stream[number] {
	t.Helper()
	conn := servicetest.Serve(t, func(r grpc.ServiceRegistrar) {
		server.Register[duplexService](r, duplexTable, duplexFunc(func(ctx context.Context, reqs runtime.Stream[number]) runtime.Stream[number] {
			return stream.Duplex(ctx, func(ctx context.Context, send func(*number) error) error { return fn(ctx, reqs, send) })
		}))
	}, opts...)
	return client.Bidi[number](ctx, client.Bind(conn, duplexTable.Methods()[0]), reqs)
}

// TestDuplexPanics checks that a panic becomes INTERNAL, and that the log has its stack and the
// request ID.
func TestDuplexPanics(t *testing.T) {
	servicetest.NoLeaks(t)
	var log bytes.Buffer
	ctx := metadata.AppendToOutgoingContext(t.Context(), "x-request-id", "abc")
	_, err := values(chat(t, ctx, stream.Of(one), func(context.Context, runtime.Stream[number], func(*number) error) error {
		panic("secret")
	}, server.WithLogger(slog.New(slog.NewTextHandler(&log, nil)))))
	if status.Code(err) != codes.Internal || status.Convert(err).Message() != "internal error" {
		t.Errorf("got %v", err)
	}
	for _, want := range []string{"panic=secret", "request_id=abc", "TestDuplexPanics"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log has no %s:\n%s", want, log.String())
		}
	}
}

// TestDuplexPanicsOutsideACall checks that the process survives, and the reader learns of it.
func TestDuplexPanicsOutsideACall(t *testing.T) {
	servicetest.NoLeaks(t)
	_, err := values(stream.Duplex(t.Context(), func(context.Context, func(*number) error) error { panic("secret") }))
	if status.Code(err) != codes.Internal || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %v", err)
	}
}

// TestDuplexReadsAndWritesIndependently answers before any request, and more often than requests
// come.
func TestDuplexReadsAndWritesIndependently(t *testing.T) {
	servicetest.NoLeaks(t)
	requests := stream.NewPipe[number](t.Context())
	responses := chat(t, t.Context(), requests.Stream(), func(_ context.Context, reqs runtime.Stream[number], send func(*number) error) error {
		if err := send(one); err != nil {
			return err
		}
		for req, err := range reqs {
			if err != nil {
				return err
			}
			if err := errors.Join(send(req), send(req)); err != nil {
				return err
			}
		}
		return nil
	})
	var got []int64
	for resp, err := range responses {
		if err != nil {
			t.Fatal(err)
		}
		if got = append(got, resp.GetValue()); len(got) == 1 {
			go func() { requests.Close(requests.Send(wrapperspb.Int64(5))) }()
		}
	}
	if len(got) != 3 || got[0] != 1 || got[1] != 5 || got[2] != 5 {
		t.Errorf("got %v", got)
	}
}

// TestDuplexEndsWithItsCaller checks that nothing is left when the caller breaks out.
func TestDuplexEndsWithItsCaller(t *testing.T) {
	servicetest.NoLeaks(t)
	ended := make(chan error, 1)
	responses := chat(t, t.Context(), stream.NewPipe[number](t.Context()).Stream(), func(_ context.Context, reqs runtime.Stream[number], send func(*number) error) error {
		if err := send(one); err != nil {
			return err
		}
		_, err := stream.Collect(reqs)
		ended <- err
		return err
	})
	for range responses {
		break
	}
	if err := echotest.Within(t, ended); status.Code(err) != codes.Canceled {
		t.Errorf("the requests ended with %v", err)
	}
}

// TestDuplexEndsWhenAResponseCannotBeSent checks that fn does not wait for requests then, although
// its caller is quiet.
func TestDuplexEndsWhenAResponseCannotBeSent(t *testing.T) {
	servicetest.NoLeaks(t)
	_, err := values(chat(t, t.Context(), stream.NewPipe[number](t.Context()).Stream(), func(_ context.Context, reqs runtime.Stream[number], send func(*number) error) error {
		if err := send(one); err != nil {
			return err
		}
		_, err := stream.Collect(reqs)
		return err
	}, server.WithGRPCOptions(grpc.MaxSendMsgSize(1))))
	if status.Code(err) != codes.ResourceExhausted {
		t.Errorf("got %v", err)
	}
}
