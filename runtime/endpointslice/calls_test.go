package endpointslice_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/endpointslice"
	"github.com/grpcservice/grpcservice/runtime/endpointslice/apiservertest"
)

// backend is a server that counts its calls.
type backend struct {
	healthpb.HealthServer
	port  int
	calls atomic.Int64

	authority atomic.Value // of the last call
}

func (b *backend) Check(
	ctx context.Context, req *healthpb.HealthCheckRequest,
) (*healthpb.HealthCheckResponse, error) {
	md, _ := metadata.FromIncomingContext(ctx)
	b.authority.Store(strings.Join(md[":authority"], " "))
	b.calls.Add(1)
	return b.HealthServer.Check(ctx, req)
}

// serve starts a backend, which stops when the test ends.
func serve(t *testing.T) *backend {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &backend{HealthServer: health.NewServer(), port: listener.Addr().(*net.TCPAddr).Port}
	server := grpc.NewServer()
	healthpb.RegisterHealthServer(server, b)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(listener)
	}()
	t.Cleanup(func() {
		server.Stop()
		<-done
	})
	return b
}

// slice returns a slice with the backend alone: backends of a test differ in their ports.
func (b *backend) slice(name string) apiservertest.Slice {
	s := books(name, "127.0.0.1")
	s.Ports[0].Port = b.port
	return s
}

func dial(t *testing.T, s *apiservertest.Server, target string) healthpb.HealthClient {
	t.Helper()
	conn, err := client.Dial(target, client.WithInsecure(),
		client.WithResolvers(endpointslice.NewResolver(options(s)...)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	})
	return healthpb.NewHealthClient(conn)
}

func check(t *testing.T, c healthpb.HealthClient) error {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	_, err := c.Check(ctx, new(healthpb.HealthCheckRequest))
	return err
}

// callUntil makes calls, of which none may fail, until a condition is met. It returns how long that
// took.
func callUntil(t *testing.T, c healthpb.HealthClient, met func() bool) time.Duration {
	t.Helper()
	begin := time.Now()
	for !met() {
		if err := check(t, c); err != nil {
			t.Fatal(err)
		}
		if time.Since(begin) > patience {
			t.Fatal("never")
		}
	}
	return time.Since(begin)
}

// TestCallsFollowPods adds and removes backends, over a restart of the API server: no call fails, a
// new backend gets its first call soon, and one that has been removed gets none.
func TestCallsFollowPods(t *testing.T) {
	s := start(t)
	a, b, c := serve(t), serve(t), serve(t)
	s.Put(a.slice("a"))
	conn := dial(t, s, booksTarget)
	callUntil(t, conn, func() bool { return a.calls.Load() > 0 })

	s.Put(b.slice("b"))
	took := callUntil(t, conn, func() bool { return b.calls.Load() > 0 })
	t.Logf("the first call of a new backend after %v", took)
	if took > 10*time.Second { // tens of milliseconds; the machine of the test may be busy
		t.Errorf("the first call of a new backend after %v", took)
	}

	s.Stop()
	s.Delete("shop", "a")
	s.Put(c.slice("c"))
	before := a.calls.Load()
	callUntil(t, conn, func() bool { return a.calls.Load() > before })
	s.Restart()
	callUntil(t, conn, func() bool { return c.calls.Load() > 0 })

	before = a.calls.Load()
	reached := b.calls.Load()
	callUntil(t, conn, func() bool { return b.calls.Load() > reached+10 })
	if got := a.calls.Load(); got != before {
		t.Errorf("%d calls of a backend that had been removed", got-before)
	}
}

// TestCallsFail checks what calls get while no endpoint is known, and that they wait if they ask
// for it.
func TestCallsFail(t *testing.T) {
	s := start(t)
	b := serve(t)
	s.Forbid("list")
	conn := dial(t, s, booksTarget)
	wantUnavailable(t, check(t, conn), "an RBAC rule is missing (403)")

	waiting := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		_, err := conn.Check(ctx, new(healthpb.HealthCheckRequest), grpc.WaitForReady(true))
		waiting <- err
	}()
	s.Forbid()
	s.Put(b.slice("b"))
	if err := <-waiting; err != nil {
		t.Errorf("a call that waits: %v", err)
	}
	s.Delete("shop", "b")
	const reason = "service shop/books has no endpoints: it has no EndpointSlice; check its name and namespace"
	for begin := time.Now(); time.Since(begin) < patience; time.Sleep(time.Millisecond) {
		if err := check(t, conn); err != nil && strings.Contains(err.Error(), reason) {
			break
		}
	}
	wantUnavailable(t, check(t, conn), reason)
}

// TestBadTarget checks what calls get for a target that cannot be used.
func TestBadTarget(t *testing.T) {
	s := start(t)
	wantUnavailable(t, check(t, dial(t, s, "endpointslice:///shop/books")), "the port is missing")
}

func wantUnavailable(t *testing.T, err error, text string) {
	t.Helper()
	if status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), text) {
		t.Errorf("got %v, want UNAVAILABLE with %q", err, text)
	}
}

// TestAuthority checks the name that servers see, and that their certificates must have.
func TestAuthority(t *testing.T) {
	s := start(t)
	b := serve(t)
	own := b.slice("own")
	own.Namespace = "default"
	s.Put(b.slice("b"))
	s.Put(own)
	number := fmt.Sprint(b.port)
	for target, want := range map[string]string{
		booksTarget:                             "books.shop.svc",
		"endpointslice:///shop/books:" + number: "books.shop.svc:" + number,
		"endpointslice:///books:grpc":           "books.default.svc",
	} {
		if err := check(t, dial(t, s, target)); err != nil {
			t.Fatal(err)
		}
		if got := b.authority.Load(); got != want {
			t.Errorf("%s: the authority is %q, want %q", target, got, want)
		}
	}
}
