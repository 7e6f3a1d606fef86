package servicetest

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/test/bufconn"

	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// ShutdownTimeout is how long the methods of a test's server may take to return after the test
// has ended and their callers are gone. After that their contexts are cancelled, and the test
// fails.
const ShutdownTimeout = 5 * time.Second

// Serve serves what register registers until t ends, and returns a connection to it. Calls go
// through the real pipeline of a [server.Server], over memory instead of a network.
//
// All callers are authenticated as a principal named "servicetest" that has the scopes that the
// method requires. If opts has an authenticator, calls need credentials as in production. If opts
// has an authorizer, callers need the permissions that policies require.
//
// Each method runs in its own goroutine: if it ends that goroutine, as t.FailNow of a fake does,
// its call fails at once with INTERNAL.
//
// The server does not wait before it drains, gives methods [ShutdownTimeout] to return, and logs
// to t. opts can override this, except for TLS and credentials, because the connection is plain.
// If the server cannot start, the test ends; if it does not shut down cleanly, because methods
// kept running without a caller, the test fails.
func Serve(t testing.TB, register func(grpc.ServiceRegistrar), opts ...server.Option) *grpc.ClientConn {
	t.Helper()
	log := newTestLog(t)
	conn, stop, err := Start(register, append([]server.Option{server.WithLogger(slog.New(log))}, opts...)...)
	if err != nil {
		log.mute()
		t.Fatalf("servicetest: %v", err)
	}
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Errorf("servicetest: %v", err)
		}
		log.mute()
	})
	return conn
}

// Start is [Serve] where there is no testing.TB, as in an Example and in TestMain. It serves until
// the caller calls stop. Without [server.WithLogger], the server logs nothing.
//
// An error of Start says why the server did not start. stop returns an error if methods kept
// running without a caller; call it once.
func Start(
	register func(grpc.ServiceRegistrar), opts ...server.Option,
) (conn *grpc.ClientConn, stop func() error, err error) {
	s, err := start(register, append([]server.Option{
		server.WithAuthenticator(everybody{}),
		server.WithoutAuthentication(),
		server.WithLogger(slog.New(slog.DiscardHandler)),
		server.WithDrainDelay(0),
		server.WithShutdownTimeout(ShutdownTimeout),
	}, opts...)...)
	if err != nil {
		return nil, nil, err
	}
	return s.conn, s.stop, nil
}

// bufferSize is the buffer size of each direction of a connection, in bytes: less than a large
// message, as on a network.
const bufferSize = 256 << 10

// running is a running server and a connection to it.
type running struct {
	*server.Server
	conn   *grpc.ClientConn
	served chan error
}

// start returns when the server accepts connections.
func start(register func(grpc.ServiceRegistrar), opts ...server.Option) (*running, error) {
	s := &running{Server: server.New(append(apart(), opts...)...), served: make(chan error, 1)}
	register(s.Server)
	lis := &listener{Listener: bufconn.Listen(bufferSize), ready: make(chan struct{})}
	go func() { s.served <- s.Serve(context.Background(), lis) }()
	select {
	case err := <-s.served:
		return nil, fmt.Errorf("the server did not start: %w", err)
	case <-lis.ready:
	}
	conn, err := client.Dial("passthrough:///servicetest", client.WithInsecure(), client.WithDialOptions(
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return lis.DialContext(ctx) })))
	if err != nil {
		_ = s.Shutdown(context.Background())
		return nil, err
	}
	s.conn = conn.ClientConn
	return s, nil
}

// stop closes the connection, which cancels its calls, and then the server. It returns the error
// of Serve.
func (s *running) stop() error {
	_ = s.conn.Close() // fails only if the test has already closed it
	_ = s.Shutdown(context.Background())
	if err := <-s.served; err != nil {
		return fmt.Errorf("the server did not shut down properly: %w", err)
	}
	return nil
}

// listener notifies when the server first accepts.
type listener struct {
	*bufconn.Listener
	once  sync.Once
	ready chan struct{}
}

func (l *listener) Accept() (net.Conn, error) {
	l.once.Do(func() { close(l.ready) })
	return l.Listener.Accept()
}
