package server_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"github.com/grpcservice/grpcservice/runtime/server"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
)

// retriedThrice is echotest.Table with two more attempts after UNAVAILABLE.
var retriedThrice = echotest.TableWith(echotest.RetryQuickly)

// serveRetried serves impl and returns clients that make more attempts, each with its own
// connection and so with all tokens of its retries.
func serveRetried(t *testing.T, impl echotest.Service, opts ...server.Option) (stub func() echotest.Service) {
	t.Helper()
	srv := server.New(append(opts, server.WithDrainDelay(0))...)
	server.Register[echotest.Service](srv, echotest.Table, impl)
	addr := echotest.ListenAndServe(t, srv)
	return func() echotest.Service {
		conn := echotest.DialAll(t, []string{addr}, client.WithServiceConfig(retriedThrice))
		return echotest.Client{Rows: echotest.RowsOf(retriedThrice, conn)}
	}
}

// TestHeadersDoNotEndRetries sets headers, in the method and in interceptors around it, before
// attempts fail.
func TestHeadersDoNotEndRetries(t *testing.T) {
	servicetest.NoLeaks(t)
	for _, failures := range []int64{2, 9} {
		var attempts atomic.Int64
		impl := echotest.Behaving(func(ctx context.Context) error {
			n := attempts.Add(1)
			if err := grpc.SetHeader(ctx, metadata.Pairs("method", fmt.Sprint(n))); err != nil {
				return err
			}
			if n <= failures {
				return status.Error(codes.Unavailable, "not yet")
			}
			return nil
		})
		stub := serveRetried(t, impl,
			server.WithUnaryInterceptors(unaryHeader), server.WithStreamInterceptors(streamHeader))
		for kind := range kindsOf(nil) {
			attempts.Store(0)
			var header, trailer metadata.MD
			ctx := client.WithCallOptions(echotest.Context(t), grpc.Header(&header), grpc.Trailer(&trailer))
			err := kindsOf(stub())[kind](ctx)
			want := map[int64]codes.Code{2: codes.OK, 9: codes.Unavailable}[failures]
			if status.Code(err) != want || attempts.Load() != 3 {
				t.Errorf("%s: %v after %d attempts, want %v after 3", kind, err, attempts.Load(), want)
			}
			sent, rest := header, trailer
			if err != nil {
				sent, rest = trailer, header
			}
			if fmt.Sprint(sent["method"]) != "[3]" || fmt.Sprint(sent["interceptor"]) != "[yes]" ||
				len(rest["method"])+len(rest["interceptor"]) > 0 {
				t.Errorf("%s: the header is %v and the trailer %v after %v", kind, header, trailer, err)
			}
		}
	}
}

func unaryHeader(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	if err := grpc.SetHeader(ctx, metadata.Pairs("interceptor", "yes")); err != nil {
		return nil, err
	}
	return handler(ctx, req)
}

func streamHeader(srv any, ss grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	if err := ss.SetHeader(metadata.Pairs("interceptor", "yes")); err != nil {
		return err
	}
	return handler(srv, ss)
}

// TestHeadersThatAreSentAreFinal checks that SendHeader sends at once, with what was set, and
// that such a call is not retried.
func TestHeadersThatAreSentAreFinal(t *testing.T) {
	servicetest.NoLeaks(t)
	var attempts atomic.Int64
	stub := serveRetried(t, echotest.Behaving(func(ctx context.Context) error {
		attempts.Add(1)
		_ = grpc.SetHeader(ctx, metadata.Pairs("set", "1"))
		if err := grpc.SendHeader(ctx, metadata.Pairs("sent", "2")); err != nil {
			return err
		}
		if err := grpc.SetHeader(ctx, metadata.Pairs("late", "3")); err == nil {
			return status.Error(codes.DataLoss, "a header was set after it was sent")
		}
		return status.Error(codes.Unavailable, "not yet")
	}))
	for kind, call := range kindsOf(stub()) {
		attempts.Store(0)
		var header metadata.MD
		err := call(client.WithCallOptions(echotest.Context(t), grpc.Header(&header)))
		if status.Code(err) != codes.Unavailable || attempts.Load() != 1 {
			t.Errorf("%s: %v after %d attempts", kind, err, attempts.Load())
		}
		if fmt.Sprint(header["set"], header["sent"]) != "[1] [2]" {
			t.Errorf("%s: the header is %v", kind, header)
		}
	}
}

// TestHeadersOfEmptyStreams checks that a stream that succeeds without a response has its header.
func TestHeadersOfEmptyStreams(t *testing.T) {
	stub := echotest.Connect(t, echotest.Funcs{ManyFunc: func(ctx context.Context, _ *text) runtime.Stream[text] {
		return func(func(*text, error) bool) { _ = grpc.SetHeader(ctx, metadata.Pairs("set", "1")) }
	}})
	var header metadata.MD
	_, err := echotest.Gather(stub.Many(client.WithCallOptions(echotest.Context(t), grpc.Header(&header)), &text{}))
	if err != nil || fmt.Sprint(header["set"]) != "[1]" {
		t.Errorf("%v, %v", header, err)
	}
}

// kindsOf returns a call of each method of client.
func kindsOf(stub echotest.Service) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"One": func(ctx context.Context) error { _, err := stub.One(ctx, &text{}); return err },
		"Many": func(ctx context.Context) error {
			_, err := echotest.Gather(stub.Many(ctx, &text{}))
			return err
		},
		"Join": func(ctx context.Context) error { _, err := stub.Join(ctx, echotest.Texts("a")); return err },
		"Chat": func(ctx context.Context) error {
			_, err := echotest.Gather(stub.Chat(ctx, echotest.Texts("a")))
			return err
		},
	}
}

// TestHeadersOfRunningStreams reads the header and the peer in the loop over a stream that goes
// on, and after a loop that has none.
func TestHeadersOfRunningStreams(t *testing.T) {
	responses := func(ctx context.Context) runtime.Stream[text] {
		return func(yield func(*text, error) bool) {
			_ = grpc.SetHeader(ctx, metadata.Pairs("set", "1"))
			if yield(&text{}, nil) {
				<-ctx.Done()
			}
		}
	}
	stub := echotest.Connect(t, echotest.Funcs{
		ManyFunc: func(ctx context.Context, _ *text) runtime.Stream[text] { return responses(ctx) },
		ChatFunc: func(ctx context.Context, _ runtime.Stream[text]) runtime.Stream[text] {
			return responses(ctx)
		},
	})
	const long = 20 * time.Second
	for _, limit := range []time.Duration{long, 20 * time.Millisecond} {
		var header, again metadata.MD
		var from peer.Peer
		limited, cancel := context.WithTimeout(context.Background(), limit)
		ctx := client.WithCallOptions(limited, grpc.Header(&header), grpc.Peer(&from), grpc.Header(&again))
		for kind, stream := range map[string]runtime.Stream[text]{
			"Many": stub.Many(ctx, &text{}), "Chat": stub.Chat(ctx, echotest.Endless),
		} {
			header, again, from = nil, nil, peer.Peer{}
			for _, err := range stream {
				if err != nil { // the deadline, which grpc notices in another goroutine
					break
				}
				if fmt.Sprint(header["set"], again["set"]) != "[1] [1]" || from.Addr == nil {
					t.Errorf("%s: the header is %v, %v and the peer %v", kind, header, again, from)
				}
				if limit == long {
					break
				}
			}
		}
		cancel()
	}
}

// TestHeadersOfFailedStreams checks that streams without a response have the peer, and no header.
func TestHeadersOfFailedStreams(t *testing.T) {
	stub := echotest.Connect(t, echotest.Behaving(func(context.Context) error { return status.Error(codes.NotFound, "no") }))
	for kind, call := range kindsOf(stub) {
		header, from := metadata.Pairs("old", "value"), peer.Peer{}
		err := call(client.WithCallOptions(echotest.Context(t), grpc.Header(&header), grpc.Peer(&from)))
		if status.Code(err) != codes.NotFound || len(header) > 0 || from.Addr == nil {
			t.Errorf("%s: %v, header %v, peer %v", kind, err, header, from)
		}
	}
}

// TestHeldHeadersAreSwitchedOn checks the switch for a service that is moved.
func TestHeldHeadersAreSwitchedOn(t *testing.T) {
	fail := legacyMethod(func(ctx context.Context) error {
		return errors.Join(grpc.SetHeader(ctx, metadata.Pairs("set", "1")), statusWithDetails())
	})
	for host, open := range compatibleHosts {
		for _, on := range []bool{false, true} {
			conn := open(t, fail, server.WithHeldHeaders(on))
			var header, trailer metadata.MD
			err := conn.Invoke(echotest.Context(t), "/legacy.v1.Items/One", item("ada"), item(""),
				grpc.Header(&header), grpc.Trailer(&trailer))
			if held := len(trailer["set"]) == 1 && len(header["set"]) == 0; err == nil || held != on {
				t.Errorf("%s, %v: header %v, trailer %v, %v", host, on, header, trailer, err)
			}
		}
	}
}

// badHeaders cannot be sent over HTTP/2.
var badHeaders = map[string]metadata.MD{
	"upper case":     {"Set": {"1"}},
	"a space":        {"s et": {"1"}},
	"no key":         {"": {"1"}},
	"a line break":   {"set": {"1\n2"}},
	"beyond ASCII":   {"set": {"\u00fc"}},
	"a good one too": {"good": {"1"}, "b/d": {"2"}},
}

// TestBadHeadersAreRejectedAtOnce checks that SetHeader and SendHeader return the error of metadata
// that cannot be sent, that the call goes on, and that what was set before is sent.
func TestBadHeadersAreRejectedAtOnce(t *testing.T) {
	for name, bad := range badHeaders {
		stub := echotest.Connect(t, echotest.Behaving(func(ctx context.Context) error {
			if err := grpc.SetHeader(ctx, metadata.MD{"set": {"1"}, "any-bin": {"\x00\xff"}}); err != nil {
				return err
			}
			for _, err := range []error{grpc.SetHeader(ctx, bad), grpc.SendHeader(ctx, bad)} {
				if status.Code(err) != codes.Internal {
					return fmt.Errorf("the header is taken: %w", err)
				}
			}
			return nil
		}))
		for kind, call := range kindsOf(stub) {
			var header metadata.MD
			err := call(client.WithCallOptions(echotest.Context(t), grpc.Header(&header)))
			if err != nil || fmt.Sprint(header["set"]) != "[1]" || fmt.Sprintf("%q", header["any-bin"]) != `["\x00\xff"]` {
				t.Errorf("%s, %s: %v, header %v", name, kind, err, header)
			}
		}
	}
}

// TestHeadersSentAroundThePipelineFailNoCall has an interceptor around the pipeline send the
// header. What the method sets is lost, as without the pipeline, and its result is not.
func TestHeadersSentAroundThePipelineFailNoCall(t *testing.T) {
	early := serverWide(func(ctx context.Context, _ string, next func(context.Context) error) error {
		if err := grpc.SendHeader(ctx, metadata.Pairs("early", "1")); err != nil {
			return err
		}
		return next(ctx)
	})
	log := new(echotest.Records)
	impl := echotest.Behaving(func(ctx context.Context) error { return grpc.SetHeader(ctx, metadata.Pairs("late", "2")) })
	srv := echotest.StartServer(t, func(srv *server.Server) { server.Register[echotest.Service](srv, echotest.Table, impl) },
		server.WithGRPCOptions(early...), server.WithLogger(log.Logger(slog.LevelWarn)))
	for kind, call := range kindsOf(echotest.Client{Rows: echotest.RowsOf(echotest.Table, srv.Conn)}) {
		var header metadata.MD
		err := call(client.WithCallOptions(echotest.Context(t), grpc.Header(&header)))
		if err != nil || len(header["early"]) != 1 || len(header["late"]) != 0 {
			t.Errorf("%s: %v, header %v", kind, err, header)
		}
	}
	if got := log.Named(t, "the header that was set is not sent"); len(got) != 4 {
		t.Errorf("%d records of lost headers, want 4", len(got))
	}
}

// TestLargeHeadersLeaveRoomForTheError has clients take 8 KiB of metadata, as those of other
// languages do. An error and a header fit one by one, but not into one trailer.
func TestLargeHeadersLeaveRoomForTheError(t *testing.T) {
	large := metadata.Pairs("set", strings.Repeat("a", 4<<10))
	impl := echotest.Behaving(func(ctx context.Context) error {
		return errors.Join(grpc.SetHeader(ctx, large), rpcerr.Reason("GONE").
			Errorf(codes.NotFound, "%s", strings.Repeat("no ", 700)))
	})
	srv := server.New(server.WithLogger(slog.New(slog.DiscardHandler)), server.WithDrainDelay(0))
	server.Register[echotest.Service](srv, echotest.Table, impl)
	addr := echotest.ListenAndServe(t, srv)
	conn, err := grpc.NewClient("passthrough:"+addr, grpc.WithMaxHeaderListSize(8<<10),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for kind, call := range kindsOf(echotest.Client{Rows: echotest.RowsOf(echotest.Table, conn)}) {
		var header metadata.MD
		err := call(client.WithCallOptions(echotest.Context(t), grpc.Header(&header)))
		if status.Code(err) != codes.NotFound || rpcerr.ReasonOf(err) != "GONE" || len(header["set"]) != 1 {
			t.Errorf("%s: %v, %d values in the header", kind, err, len(header["set"]))
		}
	}
}

// TestHeadersOfManyGoroutines sets, sends and answers at once, also after the call.
func TestHeadersOfManyGoroutines(t *testing.T) {
	servicetest.NoLeaks(t)
	var late sync.WaitGroup
	stub := echotest.Connect(t, echotest.Funcs{ManyFunc: func(ctx context.Context, req *text) runtime.Stream[text] {
		return func(yield func(*text, error) bool) {
			_ = grpc.SetHeader(ctx, metadata.Pairs("first", "1"))
			for i := range 4 {
				late.Go(func() {
					for range 5 { // less than goes into a trailer
						_ = grpc.SetHeader(ctx, metadata.Pairs("set", "1"))
						if i == 0 && req.GetValue() == "send" {
							_ = grpc.SendHeader(ctx, metadata.Pairs("sent", "1"))
						}
					}
				})
			}
			if req.GetValue() == "fail" {
				yield(nil, status.Error(codes.NotFound, "no"))
				return
			}
			for range 2 {
				if !yield(&text{}, nil) {
					return
				}
			}
		}
	}})
	for _, how := range []string{"send", "set", "fail"} {
		for range 30 {
			var header, trailer metadata.MD
			ctx := client.WithCallOptions(echotest.Context(t), grpc.Header(&header), grpc.Trailer(&trailer))
			got, err := echotest.Gather(stub.Many(ctx, wrapperspb.String(how)))
			first, want, code := header, 2, codes.OK
			if how == "fail" {
				first, want, code = trailer, 0, codes.NotFound
			}
			if len(got) != want || status.Code(err) != code || len(first["first"]) != 1 {
				t.Fatalf("%s: %d responses, %v, header %v, trailer %v", how, len(got), err, header, trailer)
			}
			if how == "fail" && len(header) > 0 {
				t.Fatalf("a failed call has the header %v", header)
			}
		}
	}
	late.Wait()
}

// TestCancelledCallsWithHeadersAreCancelled checks that a header which cannot be sent any more does
// not take the place of the error of its call.
func TestCancelledCallsWithHeadersAreCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // the deadline passes only after the method is entered
		ended := make(outcomes, 1)
		impl := echotest.Funcs{ManyFunc: func(ctx context.Context, _ *text) runtime.Stream[text] {
			return func(yield func(*text, error) bool) {
				_ = grpc.SetHeader(ctx, metadata.Pairs("set", "1"))
				<-ctx.Done()
				time.Sleep(20 * time.Millisecond) // of the bubble: until the transport knows
				yield(&text{}, nil)
			}
		}}
		srv := echotest.StartServer(t, func(srv *server.Server) { server.Register[echotest.Service](srv, echotest.Table, impl) }, server.WithObservers(ended))
		ctx, cancel := context.WithTimeout(echotest.Context(t), 50*time.Millisecond)
		defer cancel()
		_, _ = echotest.Gather(echotest.Client{Rows: echotest.RowsOf(echotest.Table, srv.Conn)}.Many(ctx, &text{}))
		if got := echotest.Within(t, ended).Err; status.Code(got) != codes.Canceled && status.Code(got) != codes.DeadlineExceeded {
			t.Errorf("the call ended with %v", got)
		}
	})
}
