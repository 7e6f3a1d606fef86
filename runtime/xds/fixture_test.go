package xds_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync/atomic"
	"testing"
	"time"

	matcher "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// patience is how long a test waits for what must happen.
const patience = 2 * time.Minute

// backend is a server that counts its calls, and fails them with an error if it has one.
type backend struct {
	addr  string
	calls atomic.Int64
	fails atomic.Pointer[error]
	stop  func() error
}

func (b *backend) failWith(err error) { b.fails.Store(&err) }

// startBackend serves until the test ends or the backend is stopped.
func startBackend(t *testing.T, opts ...server.Option) *backend {
	t.Helper()
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &backend{addr: lis.Addr().String()}
	srv := server.New(append([]server.Option{
		server.WithDrainDelay(0), server.WithLogger(slog.New(slog.DiscardHandler)),
	}, opts...)...)
	server.Register[echotest.Service](srv, echotest.Table, echotest.Behaving(func(context.Context) error {
		b.calls.Add(1)
		if err := b.fails.Load(); err != nil {
			return *err
		}
		return nil
	}))
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ctx, lis) }()
	b.stop = func() error {
		cancel()
		select {
		case err := <-served:
			served <- nil
			return err
		case <-time.After(patience):
			return errors.New("the server does not stop")
		}
	}
	t.Cleanup(func() {
		if err := b.stop(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// dial returns a client of the service Echo.
func dial(t *testing.T, target string, opts ...client.Option) echotest.Client {
	t.Helper()
	conn, err := client.Dial(target, append(opts, client.WithInsecure())...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return echotest.Client{Rows: echotest.RowsOf(echotest.Table, conn)}
}

func call(echo echotest.Client) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_, err := echo.One(ctx, wrapperspb.String("hello"))
	return err
}

// until repeats do until it returns true.
func until(t *testing.T, what string, do func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !do(); {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}

func wrap(n uint32) *wrapperspb.UInt32Value { return wrapperspb.UInt32(n) }

func exactly(path string) *matcher.PathMatcher {
	return &matcher.PathMatcher{Rule: &matcher.PathMatcher_Path{Path: &matcher.StringMatcher{
		MatchPattern: &matcher.StringMatcher_Exact{Exact: path},
	}}}
}
