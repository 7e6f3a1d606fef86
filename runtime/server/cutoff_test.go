package server_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
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
	streams "github.com/grpcservice/grpcservice/runtime/stream"
)

// cutOffCase is a method that a shutdown cuts off, and what its caller gets.
type cutOffCase struct {
	kind string
	impl func(entered func()) echotest.Funcs
	want codes.Code
	sent string // of an OK
}

// openRequests are requests of which the first is sent and the rest never comes.
func openRequests(ctx context.Context) runtime.Stream[text] {
	return func(yield func(*text, error) bool) {
		if yield(echotest.TenBytes, nil) {
			<-ctx.Done()
		}
	}
}

var errOwn = status.Error(codes.DataLoss, "own")

var cutOffCases = map[string]cutOffCase{
	"unary, the context's error": {"One", func(entered func()) echotest.Funcs {
		return echotest.Funcs{OneFunc: func(ctx context.Context, _ *text) (*text, error) {
			entered()
			<-ctx.Done()
			return nil, fmt.Errorf("query: %w", ctx.Err())
		}}
	}, codes.Unavailable, ""},
	"unary, which asks only for Err": {"One", func(entered func()) echotest.Funcs {
		return echotest.Funcs{OneFunc: func(ctx context.Context, _ *text) (*text, error) {
			entered()
			for ctx.Err() == nil {
				time.Sleep(time.Millisecond)
			}
			return nil, context.Cause(ctx)
		}}
	}, codes.Unavailable, ""},
	"unary, of which a child ends": {"One", func(entered func()) echotest.Funcs {
		return echotest.Funcs{OneFunc: func(ctx context.Context, _ *text) (*text, error) {
			ctx, cancel := context.WithTimeout(ctx, time.Hour)
			defer cancel()
			entered()
			<-ctx.Done()
			return nil, ctx.Err()
		}}
	}, codes.Unavailable, ""},
	"unary, an error of its own": {"One", func(entered func()) echotest.Funcs {
		return echotest.Funcs{OneFunc: func(ctx context.Context, _ *text) (*text, error) {
			entered()
			<-ctx.Done()
			return nil, errOwn
		}}
	}, codes.DataLoss, ""},
	"unary, a response": {"One", func(entered func()) echotest.Funcs {
		return echotest.Funcs{OneFunc: func(ctx context.Context, _ *text) (*text, error) {
			entered()
			<-ctx.Done()
			return wrapperspb.String("whole"), nil
		}}
	}, codes.OK, "whole"},
	"server stream, no error": {"Many", func(entered func()) echotest.Funcs {
		return echotest.Funcs{ManyFunc: func(ctx context.Context, _ *text) runtime.Stream[text] {
			return func(yield func(*text, error) bool) {
				yield(echotest.TenBytes, nil)
				entered()
				<-ctx.Done()
			}
		}}
	}, codes.Unavailable, ""},
	"server stream, an error of its own": {"Many", func(entered func()) echotest.Funcs {
		return echotest.Funcs{ManyFunc: func(ctx context.Context, _ *text) runtime.Stream[text] {
			return func(yield func(*text, error) bool) {
				entered()
				<-ctx.Done()
				yield(nil, errOwn)
			}
		}}
	}, codes.DataLoss, ""},
	"client stream, a response without the rest": {"Join", func(entered func()) echotest.Funcs {
		return echotest.Funcs{JoinFunc: func(ctx context.Context, reqs runtime.Stream[text]) (*text, error) {
			for range reqs {
				break
			}
			entered()
			<-ctx.Done()
			return wrapperspb.String("committed 1"), nil
		}}
	}, codes.Unavailable, ""},
	"client stream, blocked in its requests, whose error it overlooks": {"Join", func(entered func()) echotest.Funcs {
		return echotest.Funcs{JoinFunc: func(_ context.Context, reqs runtime.Stream[text]) (*text, error) {
			for range reqs {
				entered()
			}
			return wrapperspb.String("committed 1"), nil
		}}
	}, codes.Unavailable, ""},
	"client stream, drained": {"Join", func(entered func()) echotest.Funcs {
		return echotest.Funcs{JoinFunc: func(ctx context.Context, reqs runtime.Stream[text]) (*text, error) {
			for _, err := range streams.Until(reqs, runtime.Draining(ctx), runtime.ErrDraining) {
				if err != nil {
					return nil, err
				}
				entered()
			}
			return wrapperspb.String("committed 1"), nil
		}}
	}, codes.Unavailable, ""},
	"bidi, blocked in its requests": {"Chat", func(entered func()) echotest.Funcs {
		return echotest.Funcs{ChatFunc: func(_ context.Context, reqs runtime.Stream[text]) runtime.Stream[text] {
			return func(yield func(*text, error) bool) {
				for req, err := range reqs {
					if err == nil {
						entered()
					}
					yield(req, err)
				}
			}
		}}
	}, codes.Unavailable, ""},
	"bidi, no error": {"Chat", func(entered func()) echotest.Funcs {
		return echotest.Funcs{ChatFunc: func(ctx context.Context, _ runtime.Stream[text]) runtime.Stream[text] {
			return func(yield func(*text, error) bool) {
				entered()
				<-ctx.Done()
			}
		}}
	}, codes.Unavailable, ""},
}

// TestACutOffCallNeverLooksComplete checks what callers get of calls that a shutdown cuts off, and
// that the log says the same.
func TestACutOffCallNeverLooksComplete(t *testing.T) {
	for name, c := range cutOffCases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			servicetest.NoLeaks(t)
			log := new(echotest.LogText)
			entered := make(chan struct{}, 1)
			srv := echotest.Start(t, c.impl(func() { entered <- struct{}{} }), server.WithShutdownTimeout(10*time.Millisecond),
				server.WithLogger(slog.New(slog.NewTextHandler(log, nil))))
			ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
			defer cancel()
			type result struct {
				resp string
				err  error
			}
			done := make(chan result, 1)
			go func() {
				rows, resp, err := echotest.RowsOf(echotest.Table, srv.Conn), "", error(nil)
				switch c.kind {
				case "One":
					var got *text
					got, err = client.Unary[text](ctx, rows[0], echotest.TenBytes)
					resp = got.GetValue()
				case "Many":
					_, err = echotest.Gather(client.ServerStream[text](ctx, rows[1], echotest.TenBytes))
				case "Join":
					var got *text
					got, err = client.ClientStream[text](ctx, rows[2], openRequests(ctx))
					resp = got.GetValue()
				case "Chat":
					_, err = echotest.Gather(client.Bidi[text](ctx, rows[3], openRequests(ctx)))
				}
				done <- result{resp, err}
			}()
			echotest.Within(t, entered)
			_ = srv.Stop()
			canceled := ctx.Err() != nil
			if c.kind == "Join" { // its caller waits for its requests
				cancel()
			}
			got := echotest.Within(t, done)
			if c.kind == "Join" {
				checkCutOffRecord(t, log.String(), c.want)
				return
			}
			if canceled || status.Code(got.err) != c.want || got.resp != c.sent {
				t.Errorf("got %q, %v, want %q, %v", got.resp, got.err, c.sent, c.want)
			}
			if c.want == codes.Unavailable && rpcerr.ReasonOf(got.err) != rpcerr.ReasonDraining {
				t.Errorf("%v has the reason %q, want %q", got.err, rpcerr.ReasonOf(got.err), rpcerr.ReasonDraining)
			}
			checkCutOffRecord(t, log.String(), c.want)
		})
	}
}

// checkCutOffRecord checks the record of the one call in a log.
func checkCutOffRecord(t *testing.T, log string, want codes.Code) {
	t.Helper()
	for record := range strings.Lines(log) {
		if !strings.Contains(record, "msg=rpc") {
			continue
		}
		drained := strings.Contains(record, "level=INFO") && strings.Contains(record, "the server is shutting down")
		if !strings.Contains(record, "code="+want.String()+" ") || drained != (want == codes.Unavailable) {
			t.Errorf("the record of the call is not one of %v: %s", want, record)
		}
		return
	}
	t.Errorf("the log has no record of the call:\n%s", log)
}

// TestACallOfAllRequestsIsComplete checks that a client stream whose requests were all read has its
// response, although the shutdown has canceled it.
func TestACallOfAllRequestsIsComplete(t *testing.T) {
	entered := make(chan struct{})
	srv := echotest.Start(t, echotest.Funcs{JoinFunc: func(ctx context.Context, reqs runtime.Stream[text]) (*text, error) {
		got, err := echotest.Gather(reqs)
		close(entered)
		<-ctx.Done()
		return wrapperspb.String(fmt.Sprint("committed ", len(got))), err
	}}, server.WithShutdownTimeout(10*time.Millisecond))
	done := make(chan error, 1)
	go func() {
		resp, err := client.ClientStream[text](echotest.Context(t), client.Bind(srv.Conn, echotest.Table.Methods()[2]), streams.Of(echotest.TenBytes, echotest.TenBytes))
		if err == nil && resp.GetValue() != "committed 2" {
			err = errors.New(resp.GetValue())
		}
		done <- err
	}()
	echotest.Within(t, entered)
	_ = srv.Stop()
	if err := echotest.Within(t, done); err != nil {
		t.Error(err)
	}
}

// TestLateContextsAreHarmless checks that a context which a goroutine keeps beyond its call is
// over, and keeps nothing alive.
func TestLateContextsAreHarmless(t *testing.T) {
	kept := make(chan context.Context, 1)
	srv := echotest.Start(t, echotest.Behaving(func(ctx context.Context) error { kept <- ctx; return nil }))
	for kind, call := range echotest.Kinds {
		if err := call(echotest.Context(t), srv.Conn); err != nil {
			t.Fatal(kind, err)
		}
		ctx := echotest.Within(t, kept)
		echotest.Within(t, ctx.Done())
		if ctx.Err() == nil {
			t.Errorf("%s: the context has no error after the call", kind)
		}
	}
}

// TestACallThatItsClientEndsIsNoSuccess checks what observers and the log are told of streams whose
// client goes away, or whose deadline passes, if their methods return without an error.
func TestACallThatItsClientEndsIsNoSuccess(t *testing.T) {
	for name, want := range map[string]codes.Code{"canceled": codes.Canceled, "too late": codes.DeadlineExceeded} {
		for _, kind := range []string{"Many", "Join", "Chat"} {
			t.Run(name+" "+kind, func(t *testing.T) {
				// In a bubble no deadline passes before the method has been entered.
				synctest.Test(t, func(t *testing.T) { endCall(t, kind, want) })
			})
		}
	}
}

// endCall makes a call that its client ends with want, by canceling it or with its deadline.
func endCall(t *testing.T, kind string, want codes.Code) {
	entered, ended := make(chan struct{}), make(outcomes, 1)
	until := func(ctx context.Context) runtime.Stream[text] {
		return func(func(*text, error) bool) { close(entered); <-ctx.Done() }
	}
	srv := echotest.Start(t, echotest.Funcs{
		ManyFunc: func(ctx context.Context, _ *text) runtime.Stream[text] { return until(ctx) },
		ChatFunc: func(ctx context.Context, _ runtime.Stream[text]) runtime.Stream[text] { return until(ctx) },
		JoinFunc: func(ctx context.Context, reqs runtime.Stream[text]) (*text, error) {
			for range reqs {
				break
			}
			until(ctx)(nil)
			return wrapperspb.String("committed 1"), nil
		},
	}, server.WithObservers(ended))
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	if want == codes.DeadlineExceeded {
		ctx, cancel = context.WithTimeout(context.Background(), 50*time.Millisecond)
	}
	defer cancel()
	called := make(chan error, 1)
	go func() { called <- echotest.Kinds[kind](ctx, srv.Conn) }()
	echotest.Within(t, entered)
	if want == codes.Canceled {
		cancel()
	}
	// A client whose deadline has passed also cancels; either may come first.
	if code := status.Code(echotest.Within(t, ended).Err); code != want && code != codes.Canceled {
		t.Errorf("the call ended with %v, want %v", code, want)
	}
	if err := echotest.Within(t, called); status.Code(err) != want {
		t.Errorf("the caller got %v, want %v", err, want)
	}
}
