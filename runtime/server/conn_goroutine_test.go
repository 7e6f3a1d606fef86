package server_test

import (
	"context"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// goroutines are the options of where unary methods run.
var goroutines = map[string][]server.ConnOption{
	"of the caller": nil,
	"separate":      {server.WithSeparateGoroutines()},
}

// inEach runs a test with unary methods in each kind of goroutine.
func inEach(
	t *testing.T, impl func(t *testing.T) echotest.Service, opts []server.Option,
	test func(t *testing.T, client echotest.Service, srv *echotest.Running, separate bool),
) {
	for name, options := range goroutines {
		t.Run(name, func(t *testing.T) {
			_, srv := near(t, impl(t), opts...)
			client := echotest.Client{Rows: echotest.RowsOf(echotest.Table, srv.Server.Conn(options...))}
			test(t, client, srv, options != nil)
		})
	}
}

// TestConnGoroutine checks where a unary method runs.
func TestConnGoroutine(t *testing.T) {
	stacks := make(chan string, 1)
	impl := func(*testing.T) echotest.Service {
		return echotest.Behaving(func(context.Context) error {
			stacks <- string(debug.Stack())
			return nil
		})
	}
	inEach(t, impl, nil, func(t *testing.T, client echotest.Service, _ *echotest.Running, separate bool) {
		if _, err := client.One(echotest.Context(t), wrapperspb.String("")); err != nil {
			t.Fatal(err)
		}
		if stack := <-stacks; strings.Contains(stack, "server_test.inEach") == separate {
			t.Errorf("the method runs in\n%s", stack)
		}
	})
}

// TestConnLeavesMethodsBehind has callers give up methods that ignore their context.
func TestConnLeavesMethodsBehind(t *testing.T) {
	entered, release := make(chan bool, 4), make(chan struct{})
	_, srv := near(t, echotest.Behaving(func(context.Context) error {
		entered <- true
		<-release
		return nil
	}))
	conn := srv.Server.Conn(server.WithSeparateGoroutines())
	client := echotest.Client{Rows: echotest.RowsOf(echotest.Table, conn)}
	ctx, cancel := context.WithCancel(echotest.Context(t))
	ended := make(chan error, 4)
	for _, call := range []func() error{
		func() error { _, err := client.One(ctx, wrapperspb.String("")); return err },
		func() error { _, err := echotest.Gather(client.Many(ctx, wrapperspb.String(""))); return err },
		func() error { _, err := client.Join(ctx, echotest.Texts("a")); return err },
		func() error { _, err := echotest.Gather(client.Chat(ctx, echotest.Texts("a"))); return err },
	} {
		go func() { ended <- call() }()
	}
	for range 4 {
		echotest.Within(t, entered)
	}
	cancel()
	for range 4 {
		if err := echotest.Within(t, ended); status.Code(err) != codes.Canceled {
			t.Errorf("%v, want CANCELED", err)
		}
	}
	close(release)
}

// TestConnWhenTheContextEnds has the context of a caller end while its method runs. Whatever the
// method returns then, the caller receives the status of its context.
func TestConnWhenTheContextEnds(t *testing.T) {
	for name, returned := range map[string]error{
		"response": nil, "error": status.Error(codes.NotFound, "none"),
	} {
		var entered chan bool
		var ended chan error
		impl := func(*testing.T) echotest.Service {
			at, end := make(chan bool, 2), make(chan error, 2)
			entered, ended = at, end
			return echotest.Behaving(func(ctx context.Context) error {
				at <- true
				<-ctx.Done()
				end <- ctx.Err()
				return returned
			})
		}
		inEach(t, impl, nil, func(t *testing.T, client echotest.Service, _ *echotest.Running, _ bool) {
			ctx, cancel := context.WithCancel(echotest.Context(t))
			go func() {
				<-entered
				cancel()
			}()
			if _, err := client.One(ctx, wrapperspb.String("")); status.Code(err) != codes.Canceled {
				t.Errorf("%s: %v, want CANCELED", name, err)
			}
			if got := echotest.Within(t, ended); got != context.Canceled {
				t.Errorf("%s: the context of the method has the error %v", name, got)
			}
			ctx, cancel = context.WithTimeout(echotest.Context(t), 20*time.Millisecond)
			defer cancel()
			if _, err := client.One(ctx, wrapperspb.String("")); status.Code(err) != codes.DeadlineExceeded {
				t.Errorf("%s: %v, want DEADLINE_EXCEEDED", name, err)
			}
			if ctx.Err() == nil {
				t.Errorf("%s: DEADLINE_EXCEEDED before the deadline", name)
			}
			if len(entered) > 0 { // the call was in time
				<-entered
				if got := echotest.Within(t, ended); got == nil {
					t.Errorf("%s: the context of the method has no error", name)
				}
			}
		})
	}
}

// TestConnAfterTheCall looks at the context of a method when its call has ended: nothing waits for
// it any longer.
func TestConnAfterTheCall(t *testing.T) {
	type key struct{}
	for name, before := range map[string]func(context.Context){
		"not used":  func(context.Context) {},
		"waited on": func(ctx context.Context) { _ = ctx.Done() },
		"derived":   func(ctx context.Context) { context.AfterFunc(ctx, func() {}) },
	} {
		kept := make(chan context.Context, 1)
		impl := func(*testing.T) echotest.Service {
			return echotest.Behaving(func(ctx context.Context) error {
				if err := ctx.Err(); err != nil {
					t.Errorf("while the method runs: %v", err)
				}
				before(ctx)
				kept <- ctx
				return nil
			})
		}
		inEach(t, impl, nil, func(t *testing.T, client echotest.Service, _ *echotest.Running, _ bool) {
			if _, err := client.One(echotest.Context(t), wrapperspb.String("")); err != nil {
				t.Fatal(err)
			}
			ctx := <-kept
			done := ctx.Done()
			echotest.Within(t, done)
			if ctx.Err() != context.Canceled || context.Cause(ctx) != context.Canceled || ctx.Done() != done {
				t.Errorf("%s: %v, %v", name, ctx.Err(), context.Cause(ctx))
			}
			child, cancel := context.WithCancel(context.WithValue(ctx, key{}, 1))
			defer cancel()
			echotest.Within(t, child.Done())
		})
	}
}

// TestConnPanics has a method panic.
func TestConnPanics(t *testing.T) {
	impl := func(*testing.T) echotest.Service {
		return echotest.Behaving(func(context.Context) error { panic("broken") })
	}
	inEach(t, impl, nil, func(t *testing.T, client echotest.Service, _ *echotest.Running, _ bool) {
		if _, err := client.One(echotest.Context(t), wrapperspb.String("")); status.Code(err) != codes.Internal {
			t.Errorf("%v, want INTERNAL", err)
		}
	})
}

// TestConnPassesPanicsOn calls a server that recovers no panic: it continues in the caller, and the
// call has ended for the server.
func TestConnPassesPanicsOn(t *testing.T) {
	client, srv := near(t, echotest.Behaving(func(context.Context) error { panic("broken") }), server.WithRecovery(false))
	func() {
		defer func() {
			if got := recover(); got != "broken" {
				t.Errorf("the caller recovers %v", got)
			}
		}()
		_, err := client.One(echotest.Context(t), wrapperspb.String(""))
		t.Errorf("the call returned %v", err)
	}()
	if err := srv.Stop(); err != nil { // waits for calls
		t.Errorf("the shutdown: %v", err)
	}
}

// TestConnGoexit has a method end its goroutine. That is the caller's, or else the caller receives
// INTERNAL; for the server the call has ended in any case.
func TestConnGoexit(t *testing.T) {
	log := new(echotest.Records)
	impl := func(t *testing.T) echotest.Service {
		return echotest.Behaving(func(context.Context) error {
			t.SkipNow() // FailNow without a failure
			return nil
		})
	}
	ended := make(chan error, 1)
	for name, options := range goroutines {
		t.Run(name, func(t *testing.T) {
			log.Reset()
			var srv *echotest.Running
			t.Run("call", func(inner *testing.T) {
				_, srv = near(t, impl(inner), server.WithLogger(log.Logger(0)))
				go func() {
					err := status.Error(codes.Aborted, "the goroutine of the caller ended")
					defer func() { ended <- err }()
					_, err = echotest.Client{Rows: echotest.RowsOf(echotest.Table, srv.Server.Conn(options...))}.
						One(echotest.Context(t), wrapperspb.String(""))
				}()
				want := codes.Internal
				if options == nil {
					want = codes.Aborted
				}
				if err := echotest.Within(t, ended); status.Code(err) != want {
					t.Errorf("%v, want %v", err, want)
				}
			})
			if err := srv.Stop(); err != nil { // waits for calls
				t.Errorf("the shutdown: %v", err)
			}
			if got := log.Named(t, "rpc"); len(got) != 1 || got[0]["code"] != "Internal" {
				t.Errorf("the log has %v", got)
			}
		})
	}
}

// TestConnTenThousandCalls makes many calls at a time, all of which wait for the last.
func TestConnTenThousandCalls(t *testing.T) {
	const calls = 10_000
	options := []server.Option{server.WithMaxCalls(0), server.WithMaxCallsPerPeer(0)}
	impl := func(*testing.T) echotest.Service {
		var entered atomic.Int64
		all := make(chan struct{})
		return echotest.Funcs{OneFunc: func(ctx context.Context, req *text) (*text, error) {
			if entered.Add(1) == calls {
				close(all)
			}
			return req, echotest.Await(ctx, all)
		}}
	}
	inEach(t, impl, options, func(t *testing.T, client echotest.Service, _ *echotest.Running, _ bool) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		var callers sync.WaitGroup
		for i := range calls {
			callers.Go(func() {
				req := wrapperspb.String(strings.Repeat("x", i%1000))
				if resp, err := client.One(ctx, req); err != nil || resp.GetValue() != req.GetValue() {
					t.Errorf("call %d: %v, %v", i, resp, err)
				}
			})
		}
		callers.Wait()
	})
}

// TestConnReadsMetadataAtOnce has several goroutines of a method read its metadata, which is made
// when it is read first.
func TestConnReadsMetadataAtOnce(t *testing.T) {
	ids := make(chan string, 8)
	impl := func(*testing.T) echotest.Service {
		return echotest.Behaving(func(ctx context.Context) error {
			var readers sync.WaitGroup
			for range cap(ids) {
				readers.Go(func() {
					md, _ := metadata.FromIncomingContext(ctx)
					ids <- strings.Join(md["x-request-id"], ",")
				})
			}
			readers.Wait()
			return nil
		})
	}
	inEach(t, impl, nil, func(t *testing.T, client echotest.Service, _ *echotest.Running, _ bool) {
		for sent, want := range map[string]int{"": 32, "mine": 4} {
			ctx := echotest.Context(t)
			if sent != "" {
				ctx = metadata.AppendToOutgoingContext(ctx, "x-request-id", sent)
			}
			if _, err := client.One(ctx, wrapperspb.String("")); err != nil {
				t.Fatal(err)
			}
			first := <-ids
			if len(first) != want {
				t.Errorf("the request ID is %q", first)
			}
			for range cap(ids) - 1 {
				if got := <-ids; got != first {
					t.Errorf("the request ID is %q and %q", first, got)
				}
			}
		}
	})
}

// TestConnKeepsTheRequestID calls from within a call: both have the same request ID.
func TestConnKeepsTheRequestID(t *testing.T) {
	var client echotest.Service
	log := new(echotest.Records)
	client, _ = near(t, echotest.Funcs{OneFunc: func(ctx context.Context, req *text) (*text, error) {
		if req.GetValue() == "outer" {
			return client.One(ctx, wrapperspb.String("inner"))
		}
		return req, nil
	}}, server.WithLogger(log.Logger(0)))
	if _, err := client.One(echotest.Context(t), wrapperspb.String("outer")); err != nil {
		t.Fatal(err)
	}
	got := log.Named(t, "rpc")
	if len(got) != 2 || got[0]["request_id"] != got[1]["request_id"] {
		t.Errorf("the log has %v", got)
	}
}
