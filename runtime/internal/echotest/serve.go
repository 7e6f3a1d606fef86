package echotest

import (
	"context"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	"github.com/grpcservice/grpcservice/runtime/server"
)

// ListenAndServe serves srv on a TCP port until the test ends and returns its address.
func ListenAndServe(t *testing.T, srv *server.Server) string {
	t.Helper()
	watch(t)
	lis := listen(t)
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ctx, lis) }()
	t.Cleanup(func() {
		endCalls(t, srv)
		cancel()
		if err := Within(t, served); err != nil {
			t.Error(err)
		}
	})
	return lis.Addr().String()
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return lis
}

// endCalls cancels the calls of a server whose test has failed: they may wait for what the test
// has not done any more. It gives them a second: in a bubble, grpc's Stop stops the clock while it
// waits for methods, so that one that sleeps would not return.
func endCalls(t *testing.T, srv *server.Server) {
	if !t.Failed() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	Returns(t, func() { _ = srv.Shutdown(ctx) }) // Serve returns its error
}

// Running is a server that a test has started.
type Running struct {
	*server.Server
	Conn *grpc.ClientConn
	Stop func() error // cancels Serve's context and returns what Serve returned
}

// StartServer serves over an in-memory connection until the test ends.
func StartServer(t *testing.T, register func(*server.Server), opts ...server.Option) *Running {
	t.Helper()
	watch(t)
	srv := server.New(append([]server.Option{server.WithDrainDelay(0), server.WithLogger(slog.New(slog.DiscardHandler))}, opts...)...)
	register(srv)
	lis := bufconn.Listen(1 << 20)
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ctx, lis) }()
	conn := DialMemory(t, lis)
	end := sync.OnceValue(func() error {
		cancel()
		return Within(t, served)
	})
	t.Cleanup(func() {
		endCalls(t, srv)
		_ = end()
	})
	return &Running{Server: srv, Conn: conn, Stop: end}
}

// DialMemory connects to lis until the test ends.
func DialMemory(t testing.TB, lis *bufconn.Listener) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient("passthrough:///memory", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return lis.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// ServeGRPC serves a plain *grpc.Server over an in-memory connection until the test ends.
func ServeGRPC(t *testing.T, srv *grpc.Server) *grpc.ClientConn {
	t.Helper()
	lis := bufconn.Listen(1 << 20)
	serveGRPC(t, srv, lis)
	return DialMemory(t, lis)
}

// ListenAndServeGRPC serves a plain *grpc.Server on a TCP port until the test ends and returns its
// address.
func ListenAndServeGRPC(t *testing.T, srv *grpc.Server) string {
	t.Helper()
	lis := listen(t)
	serveGRPC(t, srv, lis)
	return lis.Addr().String()
}

func serveGRPC(t *testing.T, srv *grpc.Server, lis net.Listener) {
	t.Helper()
	watch(t)
	go srv.Serve(lis)                          // ends with Stop
	t.Cleanup(func() { Returns(t, srv.Stop) }) // which may wait for methods
}

// Start starts a server of impl.
func Start(t *testing.T, impl Service, opts ...server.Option) *Running {
	t.Helper()
	return StartServer(t, func(srv *server.Server) { server.Register[Service](srv, Table, impl) }, opts...)
}
