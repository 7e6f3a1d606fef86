package server_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	stdruntime "runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"github.com/grpcservice/grpcservice/runtime/server"
	streams "github.com/grpcservice/grpcservice/runtime/stream"
)

// strangers is an authenticator that rejects every caller.
var strangers = server.AuthenticateFunc(func(context.Context) (*runtime.Principal, error) { return nil, nil })

// TestNothingIsServedWithoutThePipeline checks that what has no policy rejects every call, however
// it was registered.
func TestNothingIsServedWithoutThePipeline(t *testing.T) {
	reached := func(context.Context) error { return status.Error(codes.DataLoss, "reached") }
	alias := testgrpc.TestService_ServiceDesc
	alias.ServiceName = "legacy.v1.TestService"
	srv := echotest.StartServer(t, func(srv *server.Server) {
		srv.RegisterService(&alias, stockService{do: reached}) // its handlers go by another name
		testgrpc.RegisterTestServiceServer(srv, stockService{do: reached})
	}, server.WithAuthenticator(byToken), server.WithReflection(), server.WithGRPCOptions(
		grpc.UnknownServiceHandler(func(any, grpc.ServerStream) error { return reached(nil) })))
	unknown := grpc.UnknownServiceHandler(func(any, grpc.ServerStream) error { return reached(nil) })
	auth := server.WithAuthenticator(byToken)
	own := grpc.NewServer(append(server.GRPCOptions(auth), unknown)...)
	testgrpc.RegisterTestServiceServer(server.On(own, auth), stockService{do: reached})
	onOwn := echotest.ServeGRPC(t, own)
	for _, test := range []struct {
		conn   *grpc.ClientConn
		path   string
		reason rpcerr.Reason // of the answer to an authenticated caller
	}{
		{srv.Conn, "/legacy.v1.TestService/EmptyCall", rpcerr.ReasonNoPolicy},
		{srv.Conn, "/legacy.v1.TestService/FullDuplexCall", rpcerr.ReasonNoPolicy},
		{srv.Conn, "/grpc.testing.TestService/EmptyCall", rpcerr.ReasonNoPolicy},
		{srv.Conn, "/grpc.testing.TestService/NoSuchMethod", rpcerr.ReasonUnimplemented},
		{srv.Conn, "/unknown.v1.Service/Method", rpcerr.ReasonUnimplemented},
		{onOwn, "/grpc.testing.TestService/FullDuplexCall", rpcerr.ReasonNoPolicy},
		{onOwn, "/grpc.testing.TestService/NoSuchMethod", rpcerr.ReasonUnimplemented},
		{onOwn, "/unknown.v1.Service/Method", rpcerr.ReasonUnimplemented},
	} {
		for who, reason := range map[string]rpcerr.Reason{"": rpcerr.ReasonUnauthenticated, "ada": test.reason} {
			ctx := echotest.Context(t)
			if who != "" {
				ctx = as(t, who)
			}
			err := test.conn.Invoke(ctx, test.path, &testgrpc.Empty{}, &testgrpc.Empty{})
			if rpcerr.ReasonOf(err) != reason {
				t.Errorf("%q calls %s: %v, want %s", who, test.path, err, reason)
			}
		}
	}
}

// TestHandlersOfUnknownMethodsServeWhereNobodyIsAsked checks that the guard is there only where
// callers are authenticated.
func TestHandlersOfUnknownMethodsServeWhereNobodyIsAsked(t *testing.T) {
	unknown := grpc.UnknownServiceHandler(func(any, grpc.ServerStream) error {
		return status.Error(codes.DataLoss, "reached")
	})
	auth := server.WithAuthenticator(strangers)
	for name, opts := range map[string][]server.Option{
		"no authenticator": nil, "open": {auth, server.WithoutAuthentication()},
	} {
		own := echotest.ServeGRPC(t, grpc.NewServer(append(server.GRPCOptions(opts...), unknown)...))
		srv := echotest.Start(t, echotest.Funcs{}, append(opts, server.WithGRPCOptions(unknown))...)
		for _, conn := range []*grpc.ClientConn{own, srv.Conn} {
			err := conn.Invoke(echotest.Context(t), "/unknown.v1.Service/Method", &testgrpc.Empty{}, &testgrpc.Empty{})
			if status.Code(err) != codes.DataLoss {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

func TestNilIsNoAuthenticator(t *testing.T) {
	for want, opt := range map[string]server.Option{
		"WithAuthenticator(nil)": server.WithAuthenticator(nil),
		"WithRateLimiter(nil)":   server.WithRateLimiter(nil),
		"WithValidator(nil)":     server.WithValidator(nil),
		"observer 1 is nil":      server.WithObservers(nil),
		"WithLogger(nil)":        server.WithLogger(nil),
		"WithTLS(nil)":           server.WithTLS(nil),
	} {
		if err := server.New(opt).Run(echotest.Context(t), "127.0.0.1:0"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Run returned %v, want %q", err, want)
		}
	}
}

func TestAPeerThatCallsTooOftenUsesUpNothingOfTheMethods(t *testing.T) {
	p := runtime.Policy{Rates: []runtime.Rate{{PerSecond: 0.001, Burst: 3}, {PerSecond: 0.001, Burst: 2, Key: runtime.ByPeer}}}
	srv := server.New(server.WithLogger(slog.New(slog.DiscardHandler)), server.WithDrainDelay(0))
	server.Register[echotest.Service](srv, echotest.TableWith(p), echotest.Behaving(func(context.Context) error { return nil }))
	lis := newListeners()
	defer close(lis.broken)
	go srv.Serve(context.Background(), lis)
	noisy, quiet := lis.dial(t, "203.0.113.7:1"), lis.dial(t, "203.0.113.8:1")
	for i := range 9 {
		if err := echotest.Kinds["One"](echotest.Context(t), noisy); (err == nil) != (i < 2) {
			t.Errorf("call %d of the noisy peer: %v", i, err)
		}
	}
	if err := echotest.Kinds["One"](echotest.Context(t), quiet); err != nil {
		t.Errorf("the quiet peer: %v", err)
	}
}

// listeners is a listener whose connections come from addresses that a test chooses.
type listeners struct {
	conns  chan net.Conn
	broken chan struct{}
}

func newListeners() listeners { return listeners{make(chan net.Conn), make(chan struct{})} }

func (l listeners) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.broken:
		return nil, errors.New("out of descriptors")
	}
}
func (l listeners) Close() error   { return nil }
func (l listeners) Addr() net.Addr { return &net.TCPAddr{} }

// from is a connection from an address.
type from struct {
	net.Conn
	addr net.Addr
}

func (f from) RemoteAddr() net.Addr { return f.addr }

// dial connects from an address.
func (l listeners) dial(t *testing.T, addr string) *grpc.ClientConn {
	t.Helper()
	tcp, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := client.Dial("passthrough:///memory", client.WithInsecure(), client.WithDialOptions(
		grpc.WithContextDialer(func(context.Context, string) (net.Conn, error) {
			near, far := net.Pipe()
			select {
			case l.conns <- from{far, tcp}:
				return near, nil
			case <-l.broken:
				return nil, errors.New("nobody listens")
			}
		})))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn.ClientConn
}

func TestAuthenticatorsDoNotLeak(t *testing.T) {
	for name, test := range map[string]struct {
		err  error
		code codes.Code
		text string
	}{
		"identity provider away": {fmt.Errorf("ask: %w", status.Error(codes.Unavailable, "dial tcp 10.3.2.1:443")), codes.Unavailable, "unavailable"},
		"deadline":               {context.DeadlineExceeded, codes.DeadlineExceeded, "deadline exceeded"},
		"anything else":          {errors.New("10.3.2.1"), codes.Unauthenticated, "credentials"},
		"made to be told":        {rpcerr.Reason("example.com/LOCKED").Errorf(codes.PermissionDenied, "the account is locked"), codes.PermissionDenied, "the account is locked"},
	} {
		srv := echotest.StartServer(t, func(srv *server.Server) {
			server.Register[echotest.Service](srv, echotest.TableWith(runtime.Policy{Auth: &runtime.Auth{}}), echotest.Behaving(func(context.Context) error { return nil }))
		}, server.WithAuthenticator(server.AuthenticateFunc(func(context.Context) (*runtime.Principal, error) { return nil, test.err })))
		err := echotest.Kinds["One"](echotest.Context(t), srv.Conn)
		if st := status.Convert(err); st.Code() != test.code || !strings.Contains(st.Message(), test.text) || strings.Contains(st.String(), "10.3.2.1") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAnAuthenticatorHasUntilTheDeadline(t *testing.T) {
	srv := echotest.StartServer(t, func(srv *server.Server) {
		server.Register[echotest.Service](srv, echotest.TableWith(runtime.Policy{Auth: &runtime.Auth{}}), echotest.Behaving(func(context.Context) error { return nil }))
	}, server.WithDefaultTimeout(20*time.Millisecond), server.WithAuthenticator(server.AuthenticateFunc(func(ctx context.Context) (*runtime.Principal, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	})))
	err := echotest.Kinds["One"](echotest.NoDeadline(t), srv.Conn)
	if status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("got %v", err)
	}
}

// TestStagesMayLeaveGoroutinesBehind is for the race detector: the context that they got is not
// changed under them.
func TestStagesMayLeaveGoroutinesBehind(t *testing.T) {
	left := make(chan struct{}, 64)
	srv := echotest.StartServer(t, func(srv *server.Server) {
		server.Register[echotest.Service](srv, echotest.TableWith(runtime.Policy{Auth: &runtime.Auth{}, Timeout: time.Minute, TotalTimeout: time.Minute}), echotest.Behaving(func(context.Context) error { return nil }))
	}, server.WithAuthenticator(server.AuthenticateFunc(func(ctx context.Context) (*runtime.Principal, error) {
		go func() {
			for range 100 {
				_, _ = ctx.Deadline()
				_ = ctx.Value("x")
				_ = ctx.Err()
			}
			left <- struct{}{}
		}()
		return runtime.NewPrincipal("ada"), nil
	})))
	for _, call := range echotest.Kinds {
		for range 8 {
			if err := call(echotest.NoDeadline(t), srv.Conn); err != nil {
				t.Error(err)
			}
			echotest.Within(t, left)
		}
	}
}

func TestARejectedRequestIsNotOverlookedByGoroutines(t *testing.T) {
	impl := echotest.Funcs{JoinFunc: func(ctx context.Context, reqs runtime.Stream[text]) (*text, error) {
		runtime.Go(ctx, func(context.Context) error {
			for range reqs { // errors and all
			}
			return nil
		})
		return echotest.TenBytes, nil
	}, ChatFunc: func(ctx context.Context, reqs runtime.Stream[text]) runtime.Stream[text] {
		return func(yield func(*text, error) bool) { // leaves its pump in RecvMsg
			for range streams.Until(reqs, runtime.Draining(ctx), nil) {
				return
			}
		}
	}}
	srv := echotest.StartServer(t, func(srv *server.Server) {
		server.Register[echotest.Service](srv, echotest.TableWith(runtime.Policy{MaxRequestBytes: 9}), impl)
	})
	for _, kind := range []string{"Join", "Chat"} {
		if err := echotest.Kinds[kind](echotest.Context(t), srv.Conn); status.Code(err) != codes.ResourceExhausted {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

func TestMethodsThatAreLeftKeepTheirPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // the time passes only after the method is entered
		release := make(chan struct{})
		defer close(release)
		entered := make(chan struct{}, 9)
		p := runtime.Policy{Concurrency: runtime.Concurrency{Limit: 1}, TotalTimeout: 10 * time.Millisecond}
		srv := echotest.StartServer(t, func(srv *server.Server) {
			server.Register[echotest.Service](srv, echotest.TableWith(p), echotest.Behaving(func(context.Context) error {
				entered <- struct{}{}
				<-release
				return nil
			}))
		})
		if err := echotest.Kinds["Many"](context.Background(), srv.Conn); rpcerr.ReasonOf(err) != rpcerr.ReasonStreamTimeout {
			t.Fatalf("the first call: %v", err)
		}
		if err := echotest.Kinds["Many"](context.Background(), srv.Conn); rpcerr.ReasonOf(err) != rpcerr.ReasonOverloaded {
			t.Errorf("a second call while the method of the first goes on: %v", err)
		}
		if len(entered) != 1 {
			t.Errorf("%d methods run, the limit is 1", len(entered))
		}
	})
}

func TestABrokenListenerDoesNotHoldTheServer(t *testing.T) {
	t.Parallel() // it waits out what a shutdown grants
	entered, release := make(chan struct{}), make(chan struct{})
	defer close(release)
	srv := server.New(server.WithLogger(slog.New(slog.DiscardHandler)))
	server.Register[echotest.Service](srv, echotest.Table, echotest.Behaving(func(context.Context) error {
		close(entered)
		<-release
		return nil
	}))
	lis := newListeners()
	served := make(chan error, 1)
	go func() { served <- srv.Serve(context.Background(), lis) }()
	conn := lis.dial(t, "203.0.113.7:1")
	go func() { _ = echotest.Kinds["One"](context.Background(), conn) }()
	echotest.Within(t, entered)
	close(lis.broken)
	if err := echotest.Within(t, served); err == nil || !strings.Contains(err.Error(), "cannot accept connections") || !strings.Contains(err.Error(), "test.v1.Echo/One (1)") {
		t.Errorf("Serve returned %v", err)
	}
}

func TestShutdownRacesServe(t *testing.T) {
	for range 50 {
		srv := server.New(server.WithLogger(slog.New(slog.DiscardHandler)), server.WithDrainDelay(0))
		results := make(chan error, 3)
		lis := newListeners()
		for range 2 {
			go func() { results <- srv.Serve(context.Background(), lis) }()
		}
		go func() { results <- srv.Shutdown(context.Background()) }()
		close(lis.broken)
		for range 3 {
			echotest.Within(t, results)
		}
	}
}

// chained cannot be unwrapped without a value.
type chained struct{ err error }

func (c *chained) Error() string { return "chained" }
func (c *chained) Unwrap() error { return c.err }

func TestBrokenErrorsOfGoroutinesEndOnlyTheirCall(t *testing.T) {
	srv := echotest.Start(t, echotest.Behaving(func(ctx context.Context) error {
		runtime.Go(ctx, func(context.Context) error { return (*chained)(nil) })
		return errors.New("the method fails, too")
	}))
	for kind, call := range echotest.Kinds {
		if err := call(echotest.Context(t), srv.Conn); status.Code(err) != codes.Unknown {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

func TestAStreamWhoseMethodEndsItsGoroutineIsAnswered(t *testing.T) {
	srv := echotest.StartServer(t, func(srv *server.Server) {
		server.Register[echotest.Service](srv, echotest.TableWith(runtime.Policy{TotalTimeout: time.Minute}), echotest.Behaving(func(context.Context) error {
			stdruntime.Goexit() // as FailNow does
			return nil
		}))
	})
	if err := echotest.Kinds["Many"](echotest.Context(t), srv.Conn); status.Code(err) != codes.Internal {
		t.Errorf("got %v", err)
	}
	if err := srv.Stop(); err != nil {
		t.Errorf("Serve returned %v", err)
	}
}
