package server_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/tap"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"github.com/grpcservice/grpcservice/runtime/server"
	streams "github.com/grpcservice/grpcservice/runtime/stream"
)

// gate is a method whose calls wait until it is opened, or until they end.
type gate struct {
	entered chan struct{}
	open    chan struct{}
}

func newGate() gate { return gate{make(chan struct{}, 1000), make(chan struct{})} }

func (g gate) pass(ctx context.Context) error {
	g.entered <- struct{}{}
	return echotest.Await(ctx, g.open)
}

// TestMaxCalls has as many calls of each kind run as the server allows, and one more.
func TestMaxCalls(t *testing.T) {
	for name, test := range map[string]struct {
		opt    server.Option
		code   codes.Code
		reason rpcerr.Reason
	}{
		"server": {server.WithMaxCalls(2), codes.Unavailable, rpcerr.ReasonOverloaded},
		"peer":   {server.WithMaxCallsPerPeer(2), codes.ResourceExhausted, rpcerr.ReasonTooManyCalls},
	} {
		for kind, call := range echotest.Kinds {
			for _, own := range []bool{false, true} {
				t.Run(name+"/"+kind, func(t *testing.T) {
					log, gate := new(echotest.Records), newGate()
					opts := []server.Option{test.opt, server.WithLogger(log.Logger(slog.LevelInfo))}
					var conn *grpc.ClientConn
					if own {
						srv := grpc.NewServer()
						server.Register[echotest.Service](server.On(srv, opts...), echotest.Table, echotest.Behaving(gate.pass))
						conn = echotest.ServeGRPC(t, srv)
					} else {
						conn = echotest.Start(t, echotest.Behaving(gate.pass), opts...).Conn
					}
					ended := make(chan error, 2)
					for range cap(ended) {
						go func() { ended <- call(echotest.Context(t), conn) }()
					}
					echotest.Within(t, gate.entered)
					echotest.Within(t, gate.entered)
					err := call(echotest.Context(t), conn)
					policyCase{code: test.code, reason: test.reason}.check(t, err)
					if found := log.Named(t, "rpc"); len(found) != 1 || found[0]["code"] != test.code.String() || found[0]["level"] != "WARN" {
						t.Errorf("the log has %v, want one record", found)
					}
					close(gate.open)
					for range cap(ended) {
						if err := echotest.Within(t, ended); err != nil {
							t.Error(err)
						}
					}
					// A handler that has answered may not have returned.
					wait(t, "a call after them is admitted", func() bool {
						err = call(echotest.Context(t), conn)
						return rpcerr.ReasonOf(err) != test.reason
					})
					if err != nil {
						t.Errorf("a call after them: %v", err)
					}
				})
			}
		}
	}
}

// TestHealthChecksGetThrough has a server with as many calls as it allows, which is alive.
func TestHealthChecksGetThrough(t *testing.T) {
	gate := newGate()
	srv := echotest.Start(t, echotest.Behaving(gate.pass), server.WithMaxCalls(1), server.WithMaxCallsPerPeer(1))
	ended := invoke(echotest.Context(t), srv)
	echotest.Within(t, gate.entered)
	if _, err := healthpb.NewHealthClient(srv.Conn).Check(echotest.Context(t), new(healthpb.HealthCheckRequest)); err != nil {
		t.Errorf("the health check: %v", err)
	}
	close(gate.open)
	if err := echotest.Within(t, ended); err != nil {
		t.Error(err)
	}
}

// TestOnePeerDoesNotTakeAllCalls has one peer take its share, and another one call.
func TestOnePeerDoesNotTakeAllCalls(t *testing.T) {
	gate, lis := newGate(), newListeners()
	defer close(lis.broken)
	srv := server.New(server.WithLogger(slog.New(slog.DiscardHandler)), server.WithMaxCalls(3), server.WithMaxCallsPerPeer(2))
	server.Register[echotest.Service](srv, echotest.Table, echotest.Behaving(gate.pass))
	go srv.Serve(context.Background(), lis)
	noisy, sameNet, quiet := lis.dial(t, "[2001:db8::1]:1"), lis.dial(t, "[2001:db8::2]:1"), lis.dial(t, "203.0.113.8:1")
	ended := make(chan error, 3)
	call := func(conn *grpc.ClientConn) {
		go func() { ended <- echotest.Kinds["One"](echotest.Context(t), conn) }()
		echotest.Within(t, gate.entered)
	}
	call(noisy)
	call(sameNet)
	if err := echotest.Kinds["One"](echotest.Context(t), noisy); rpcerr.ReasonOf(err) != rpcerr.ReasonTooManyCalls {
		t.Errorf("a third call of the noisy network: %v", err)
	}
	call(quiet)
	if err := echotest.Kinds["One"](echotest.Context(t), quiet); rpcerr.ReasonOf(err) != rpcerr.ReasonOverloaded {
		t.Errorf("a fourth call: %v", err)
	}
	close(gate.open)
	for range cap(ended) {
		if err := echotest.Within(t, ended); err != nil {
			t.Error(err)
		}
	}
}

// unread is a server whose responses are larger than any window, and a client that reads none of
// them.
type unread struct {
	ran  atomic.Int64
	addr string
	conn *grpc.ClientConn
}

func newUnread(t *testing.T, own bool, opts ...server.Option) *unread {
	t.Helper()
	u := new(unread)
	large := strings.Repeat("x", 1<<20)
	answer := func() *text { u.ran.Add(1); return wrapperspb.String(large) }
	opts = append([]server.Option{
		server.WithLogger(slog.New(slog.DiscardHandler)), server.WithDrainDelay(0),
		server.WithGRPCOptions(grpc.MaxConcurrentStreams(10_000)),
	}, opts...)
	impl := echotest.Funcs{
		OneFunc:  func(context.Context, *text) (*text, error) { return answer(), nil },
		ManyFunc: func(context.Context, *text) runtime.Stream[text] { return streams.Of(answer()) },
		JoinFunc: func(context.Context, runtime.Stream[text]) (*text, error) { return answer(), nil },
		ChatFunc: func(context.Context, runtime.Stream[text]) runtime.Stream[text] { return streams.Of(answer()) },
	}
	u.addr = serveBounded(t, own, impl, opts...)
	u.conn = u.dial(t)
	return u
}

// serveBounded serves impl on a Server, or on a *grpc.Server with the same options, until the test
// ends.
func serveBounded(t *testing.T, own bool, impl echotest.Service, opts ...server.Option) (addr string) {
	t.Helper()
	if !own {
		srv := server.New(opts...)
		server.Register[echotest.Service](srv, echotest.Table, impl)
		return echotest.ListenAndServe(t, srv)
	}
	srv := grpc.NewServer(server.GRPCOptions(opts...)...)
	server.Register[echotest.Service](server.On(srv, opts...), echotest.Table, impl)
	return echotest.ListenAndServeGRPC(t, srv)
}

// dial returns a connection with small windows.
func (u *unread) dial(t *testing.T) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient(u.addr, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithStaticConnWindowSize(64<<10), grpc.WithStaticStreamWindowSize(64<<10))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// TestResponsesThatNobodyReadsAreBounded opens many calls over one connection and reads nothing: as
// many methods run as the server has calls at a time, and the responses of no more are held.
func TestResponsesThatNobodyReadsAreBounded(t *testing.T) {
	for kind := range echotest.Kinds {
		for _, own := range []bool{false, true} {
			t.Run(kind, func(t *testing.T) {
				u := newUnread(t, own, server.WithMaxCalls(20))
				ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
				defer cancel()
				rejected := 0
				for i := range 200 {
					cs := u.open(t, ctx, kind)
					// The response does not fit into the window; a rejection does, and ends the stream.
					if i >= 20 {
						if err := cs.RecvMsg(new(text)); rpcerr.ReasonOf(err) != rpcerr.ReasonOverloaded {
							t.Fatalf("call %d: %v", i, err)
						}
						rejected++
					} else if _, err := cs.Header(); err != nil { // the method has answered
						t.Fatal(err)
					}
				}
				if ran := u.ran.Load(); ran != 20 || rejected != 180 {
					t.Errorf("%d methods ran and %d calls were rejected; want 20 and 180", ran, rejected)
				}
			})
		}
	}
}

func (u *unread) open(t *testing.T, ctx context.Context, kind string) grpc.ClientStream {
	t.Helper()
	cs, err := u.conn.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, "/test.v1.Echo/"+kind)
	if err != nil {
		t.Fatal(err)
	}
	if err := cs.SendMsg(echotest.TenBytes); err != nil && err != io.EOF {
		t.Fatal(err)
	}
	if err := cs.CloseSend(); err != nil {
		t.Fatal(err)
	}
	return cs
}

// TestRequestsThatDoNotArriveAreBounded begins calls whose requests never come: they count, so that
// their peer gets no more, and others are served.
func TestRequestsThatDoNotArriveAreBounded(t *testing.T) {
	lis := newListeners()
	defer close(lis.broken)
	srv := server.New(server.WithLogger(slog.New(slog.DiscardHandler)), server.WithMaxCalls(8), server.WithMaxCallsPerPeer(4))
	server.Register[echotest.Service](srv, echotest.Table, echotest.Behaving(succeed))
	go srv.Serve(context.Background(), lis)
	slow, quick := lis.dial(t, "203.0.113.7:1"), lis.dial(t, "203.0.113.8:1")
	ctx, cancel := context.WithCancel(echotest.NoDeadline(t))
	defer cancel()
	begin := func() grpc.ClientStream {
		cs, err := slow.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true}, "/test.v1.Echo/One")
		if err != nil {
			t.Fatal(err)
		}
		return cs
	}
	for range 4 {
		begin()
	}
	for range 4 { // rejected although their requests do not arrive
		if err := begin().RecvMsg(new(text)); rpcerr.ReasonOf(err) != rpcerr.ReasonTooManyCalls {
			t.Errorf("another call of the peer: %v", err)
		}
	}
	if err := echotest.Kinds["One"](echotest.Context(t), quick); err != nil {
		t.Errorf("a call of another peer: %v", err)
	}
	cancel()
	wait(t, "the server has seen it", func() bool {
		err := echotest.Kinds["One"](echotest.Context(t), slow)
		if err != nil && rpcerr.ReasonOf(err) != rpcerr.ReasonTooManyCalls {
			t.Fatalf("the peer after it has given up: %v", err)
		}
		return err == nil
	})
}

// TestMaxConnections connects more often than the server allows: it closes what is too much without
// a word, and writes few records.
func TestMaxConnections(t *testing.T) {
	for name, test := range map[string]struct {
		opt    server.Option
		reason rpcerr.Reason
	}{
		"server": {server.WithMaxConnections(2), "the server has 2 connections"},
		"peer":   {server.WithMaxConnectionsPerPeer(2), "the peer has 2 connections"},
	} {
		for _, own := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				log := new(echotest.Records)
				opts := []server.Option{server.WithLogger(log.Logger(slog.LevelWarn)), server.WithDrainDelay(0), test.opt}
				addr := serveBounded(t, own, echotest.Behaving(succeed), opts...)
				connectTooOften(t, addr)
				if found := log.Named(t, "connection closed"); len(found) != 1 || !strings.HasPrefix(found[0]["reason"].(string), string(test.reason)) {
					t.Errorf("the log has %v, want one record", found)
				}
			})
		}
	}
}

// connectTooOften connects to a server that allows two connections.
func connectTooOften(t *testing.T, addr string) {
	t.Helper()
	accepted := []net.Conn{connect(t, addr), connect(t, addr)}
	for _, conn := range accepted {
		if _, err := conn.Read(make([]byte, 1)); err != nil { // the server's settings
			t.Fatal(err)
		}
	}
	for range 10 {
		var timeout net.Error
		if n, err := connect(t, addr).Read(make([]byte, 1)); n != 0 || err == nil || errors.As(err, &timeout) && timeout.Timeout() {
			t.Fatalf("a connection too many: %d bytes, %v", n, err)
		}
	}
	accepted[0].Close()
	wait(t, "the server has seen it", func() bool {
		n, _ := connect(t, addr).Read(make([]byte, 1))
		return n == 1
	})
}

// connect connects until the test ends.
func connect(t *testing.T, addr string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// TestWrongBounds passes bounds that make no sense.
func TestWrongBounds(t *testing.T) {
	srv := server.New(server.WithMaxCalls(-1), server.WithMaxCallsPerPeer(-2), server.WithMaxConnections(-3),
		server.WithMaxConnectionsPerPeer(-4), server.WithCredentials(nil))
	err := srv.Run(echotest.Context(t), "127.0.0.1:0")
	for _, want := range []string{"WithMaxCalls(-1)", "WithMaxCallsPerPeer(-2)", "WithMaxConnections(-3)", "WithMaxConnectionsPerPeer(-4)", "WithCredentials(nil)"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Run returned %v, want %s", err, want)
		}
	}
}

// TestOneTapHandle has the user's tap handle in the way of the runtime's.
func TestOneTapHandle(t *testing.T) {
	tapped := make(chan string, 1)
	handle := server.WithGRPCOptions(grpc.InTapHandle(func(ctx context.Context, info *tap.Info) (context.Context, error) {
		tapped <- info.FullMethodName
		return ctx, nil
	}))
	if err := server.New(handle).Run(echotest.Context(t), "127.0.0.1:0"); err == nil || !strings.Contains(err.Error(), "grpc.InTapHandle") {
		t.Errorf("Run returned %v", err)
	}
	srv := echotest.Start(t, echotest.Behaving(succeed), handle, server.WithMaxCalls(0), server.WithMaxCallsPerPeer(0))
	if err := echotest.Kinds["One"](echotest.Context(t), srv.Conn); err != nil {
		t.Error(err)
	}
	if got := echotest.Within(t, tapped); got != "/test.v1.Echo/One" {
		t.Errorf("the tap handle saw %q", got)
	}
}

// TestServersWithoutBounds has all bounds off, or as they are.
func TestServersWithoutBounds(t *testing.T) {
	off := []server.Option{server.WithMaxCalls(0), server.WithMaxCallsPerPeer(0), server.WithMaxConnections(0), server.WithMaxConnectionsPerPeer(0)}
	for _, opts := range [][]server.Option{nil, off} {
		gate := newGate()
		srv := echotest.Start(t, echotest.Behaving(gate.pass), opts...)
		ended := make(chan error, 200)
		for _, call := range slices.Repeat([]func(context.Context, *grpc.ClientConn, ...grpc.CallOption) error{echotest.Kinds["One"], echotest.Kinds["Chat"]}, 100) {
			go func() { ended <- call(echotest.Context(t), srv.Conn) }()
		}
		for range cap(ended) {
			echotest.Within(t, gate.entered)
		}
		close(gate.open)
		for range cap(ended) {
			if err := echotest.Within(t, ended); err != nil {
				t.Error(err)
			}
		}
	}
}
