package server_test

import (
	"context"
	"log/slog"
	"net"
	goruntime "runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/server"
	streams "github.com/grpcservice/grpcservice/runtime/stream"
)

// What a program supplies runs in goroutines where nothing of the program recovers. These tests
// check that none of it ends the process.

func TestThePanicHandlerAndTheLogMayPanic(t *testing.T) {
	srv := echotest.Start(t, echotest.Behaving(func(context.Context) error { panic("method") }),
		server.WithLogger(slog.New(panicky{at: "log"})),
		server.WithPanicHandler(func(context.Context, any, []byte) { panic("handler") }))
	for kind, call := range echotest.Kinds {
		if err := call(echotest.Context(t), srv.Conn); status.Code(err) != codes.Internal {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

func TestBackgroundFunctionsMayFailInAnyWay(t *testing.T) {
	for name, test := range map[string]struct {
		fn   func(context.Context) error
		want string
	}{
		"a broken error": {func(ctx context.Context) error { <-ctx.Done(); return (*chained)(nil) }, "failed in the background"},
		"a panic":        {func(context.Context) error { panic("boom") }, "panic: boom"},
		"no return":      {func(context.Context) error { goruntime.Goexit(); return nil }, "ended its goroutine"},
	} {
		t.Run(name, func(t *testing.T) {
			srv := server.New(server.WithDrainDelay(0), server.WithLogger(slog.New(panicky{at: "log"})))
			server.Register[echotest.Service](srv, echotest.Table, echotest.Funcs{})
			srv.Background("worker", test.fn)
			lis, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			served := make(chan error, 1)
			go func() { served <- srv.Serve(ctx, lis) }()
			if err := echotest.Within(t, served); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("Serve returned %v, want %q", err, test.want)
			}
		})
	}
}

func TestTheDefaultLogMayPanic(t *testing.T) {
	before := slog.Default()
	slog.SetDefault(slog.New(panicky{at: "log"}))
	defer slog.SetDefault(before)
	for _, fn := range []func(context.Context) error{
		func(context.Context) error { panic("boom") },
		func(context.Context) error { return (*chained)(nil) },
	} {
		done := make(chan struct{})
		runtime.Go(context.Background(), func(ctx context.Context) error { defer close(done); return fn(ctx) })
		echotest.Within(t, done)
	}
	if err := runtime.Recovered(context.Background(), "boom"); status.Code(err) != codes.Internal {
		t.Error(err)
	}
}

// TestValidatorsMayPanicInGoroutinesOfMethods lets methods read their requests in goroutines of
// their own.
func TestValidatorsMayPanicInGoroutinesOfMethods(t *testing.T) {
	collect := func(reqs runtime.Stream[text]) error {
		done := make(chan error)
		go func() {
			_, err := streams.Collect(reqs)
			done <- err
		}()
		return <-done
	}
	srv := echotest.StartServer(t, func(srv *server.Server) {
		server.Register[echotest.Service](srv, echotest.TableWith(runtime.Policy{Validate: true}), echotest.Funcs{
			JoinFunc: func(_ context.Context, reqs runtime.Stream[text]) (*text, error) {
				return echotest.TenBytes, collect(reqs)
			},
			ChatFunc: func(_ context.Context, reqs runtime.Stream[text]) runtime.Stream[text] {
				return func(yield func(*text, error) bool) { yield(nil, collect(reqs)) }
			},
		})
	}, server.WithValidator(&validator{validate: func(context.Context, proto.Message) error { panic("validator") }}))
	for _, kind := range []string{"Join", "Chat"} {
		if err := echotest.Kinds[kind](echotest.Context(t), srv.Conn); status.Code(err) != codes.Internal {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

// TestGoroutinesMayShareTheRequests checks that each request goes to one of the goroutines that
// range over them, and whole.
func TestGoroutinesMayShareTheRequests(t *testing.T) {
	const readers, requests = 4, 100
	var mu sync.Mutex
	seen := make(map[string]int)
	srv := echotest.Start(t, echotest.Funcs{JoinFunc: func(ctx context.Context, reqs runtime.Stream[text]) (*text, error) {
		for range readers {
			runtime.Go(ctx, func(context.Context) error {
				for req, err := range reqs {
					if err != nil {
						return err
					}
					mu.Lock()
					seen[req.GetValue()]++
					mu.Unlock()
				}
				return nil
			})
		}
		return echotest.TenBytes, nil
	}})
	want := make([]string, requests)
	for i := range want {
		want[i] = strings.Repeat("x", 100*i)
	}
	if _, err := client.ClientStream[text](echotest.Context(t), client.Bind(srv.Conn, echotest.Table.Methods()[2]), echotest.Texts(want...)); err != nil {
		t.Fatal(err)
	}
	for _, value := range want {
		if seen[value] != 1 {
			t.Errorf("the request of %d bytes was read %d times", len(value), seen[value])
		}
	}
}

// leaver is an observer that ends its goroutine in selected methods, as FailNow of a test does.
type leaver struct{ at string }

func (l leaver) Bind(runtime.MethodInfo) runtime.MethodObserver { return l }
func (l leaver) Begin(ctx context.Context, _ runtime.Call) context.Context {
	l.leaveAt("begin")
	return ctx
}
func (l leaver) End(context.Context, runtime.Call, runtime.Outcome) { l.leaveAt("end") }
func (l leaver) leaveAt(place string) {
	if l.at == place {
		goruntime.Goexit()
	}
}

// outcomes is an observer that sends how calls ended.
type outcomes chan runtime.Outcome

func (o outcomes) Bind(runtime.MethodInfo) runtime.MethodObserver                 { return o }
func (o outcomes) Begin(ctx context.Context, _ runtime.Call) context.Context      { return ctx }
func (o outcomes) End(_ context.Context, _ runtime.Call, outcome runtime.Outcome) { o <- outcome }

// limiting is a rate limiter that calls take.
type limiting func()

func (l limiting) Bind(runtime.MethodInfo, []runtime.Rate) server.MethodRates { return l }
func (l limiting) GiveBack(context.Context, string)                           {}
func (l limiting) Take(context.Context, string) (int, time.Duration, error)   { l(); return 0, 0, nil }

// TestACallWhoseGoroutineEndsIsNoSuccess checks that callers and observers are told at once of
// calls whose goroutines end by runtime.Goexit, whatever calls it.
func TestACallWhoseGoroutineEndsIsNoSuccess(t *testing.T) {
	leaves := func(context.Context) (*runtime.Principal, error) { goruntime.Goexit(); return nil, nil }
	unary := func(context.Context, any, *grpc.UnaryServerInfo, grpc.UnaryHandler) (any, error) {
		goruntime.Goexit()
		return nil, nil
	}
	stream := func(any, grpc.ServerStream, *grpc.StreamServerInfo, grpc.StreamHandler) error {
		goruntime.Goexit()
		return nil
	}
	validate := &validator{validate: func(context.Context, proto.Message) error { goruntime.Goexit(); return nil }}
	for name, test := range map[string]struct {
		opts []server.Option
		want codes.Code
	}{
		"observer begins": {[]server.Option{server.WithObservers(leaver{at: "begin"})}, codes.Internal},
		"observer ends":   {[]server.Option{server.WithObservers(leaver{at: "end"})}, codes.OK},
		"authenticator":   {[]server.Option{server.WithAuthenticator(server.AuthenticateFunc(leaves))}, codes.Internal},
		"limiter":         {[]server.Option{server.WithRateLimiter(limiting(goruntime.Goexit))}, codes.Internal},
		"validator":       {[]server.Option{server.WithValidator(validate)}, codes.Internal},
		"interceptors":    {[]server.Option{server.WithUnaryInterceptors(unary), server.WithStreamInterceptors(stream)}, codes.Internal},
	} {
		t.Run(name, func(t *testing.T) {
			ended := make(outcomes, 1)
			opts := append([]server.Option{server.WithObservers(ended), server.WithShutdownTimeout(0)}, test.opts...)
			srv := echotest.StartServer(t, func(srv *server.Server) {
				table := echotest.TableWith(runtime.Policy{
					Auth:     &runtime.Auth{Public: name != "authenticator"},
					Rates:    []runtime.Rate{{PerSecond: 1000, Burst: 1000}},
					Validate: true,
				})
				server.Register[echotest.Service](srv, table, echotest.Behaving(func(context.Context) error { return nil }))
			}, opts...)
			for kind, call := range echotest.Kinds {
				if err := call(echotest.Context(t), srv.Conn); status.Code(err) != codes.Internal {
					t.Errorf("%s: %v", kind, err)
				}
				if outcome := echotest.Within(t, ended); status.Code(outcome.Err) != test.want {
					t.Errorf("%s: observers were told %v, want %v", kind, outcome.Err, test.want)
				}
			}
		})
	}
}

// TestAStreamThatIgnoresItsEndIsEnded checks that a method which never looks at what yield returns
// does not outlive its caller.
func TestAStreamThatIgnoresItsEndIsEnded(t *testing.T) {
	ended := make(outcomes, 1)
	srv := echotest.Start(t, echotest.Funcs{ManyFunc: func(context.Context, *text) runtime.Stream[text] {
		return func(yield func(*text, error) bool) {
			for {
				yield(echotest.TenBytes, nil)
			}
		}
	}}, server.WithObservers(ended))
	for range client.ServerStream[text](echotest.Context(t), client.Bind(srv.Conn, echotest.Table.Methods()[1]), echotest.TenBytes) {
		break
	}
	if outcome := echotest.Within(t, ended); status.Code(outcome.Err) != codes.Internal {
		t.Errorf("the call ended with %v, want INTERNAL", outcome.Err)
	}
}

func TestThePanicHandlerGetsPanicsOutsideOfCalls(t *testing.T) {
	told := make(chan any, 2)
	srv := echotest.StartServer(t, func(srv *server.Server) {
		srv.HandlePanic(context.Background(), "operation", nil)
		srv.Background("worker", func(context.Context) error { panic("background") })
	}, server.WithPanicHandler(func(_ context.Context, value any, _ []byte) { told <- value; panic("handler") }))
	for _, want := range []string{"operation", "background"} {
		if got := echotest.Within(t, told); got != want {
			t.Errorf("the handler got %v, want %v", got, want)
		}
	}
	_ = srv.Stop()
}
