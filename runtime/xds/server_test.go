package xds_test

import (
	"bytes"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/server"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
	"github.com/grpcservice/grpcservice/runtime/xds"
)

// TestServersFollowTheControlPlane serves when the control plane has configured the listener,
// enforces its RBAC within the pipeline's service, and stops when the listener is withdrawn.
func TestServersFollowTheControlPlane(t *testing.T) {
	servicetest.NoLeaks(t)
	var log record
	const probes = "unix-abstract:xds-probes"
	b := startBackend(t, xds.Server(), server.WithHealthAddr(probes),
		server.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
	if got := probe(t, probes); got != healthpb.HealthCheckResponse_NOT_SERVING {
		t.Errorf("probes before the configuration is there: %v", got)
	}

	plane.listener(t, b.addr, "/test.v1.Echo/Join")
	until(t, "the log says that the listener is configured", func() bool { return log.has("listener configured") })
	if got := probe(t, probes); got != healthpb.HealthCheckResponse_SERVING {
		t.Errorf("probes of a server that serves: %v", got)
	}
	echo := dial(t, b.addr)
	if err := call(echo); err != nil {
		t.Fatal(err)
	}
	if b.calls.Load() == 0 {
		t.Error("the method was not called")
	}
	conn, err := grpc.NewClient(b.addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for kind, call := range echotest.Kinds {
		want := codes.OK
		if kind == "Join" {
			want = codes.PermissionDenied
		}
		if err := call(t.Context(), conn); status.Code(err) != want {
			t.Errorf("%s: %v, want %v by RBAC", kind, err, want)
		}
	}

	plane.withdraw(t, resource.ListenerType, "server/"+b.addr)
	until(t, "the log says that connections are closed", func() bool { return log.has("new connections are closed") })
	if got := probe(t, probes); got != healthpb.HealthCheckResponse_NOT_SERVING {
		t.Errorf("probes of a server without a listener: %v", got)
	}
	plane.listener(t, b.addr, "")
	until(t, "calls are served again, without RBAC", func() bool {
		return echotest.Kinds["Join"](t.Context(), conn) == nil
	})
}

// TestAServerDrains lets a running call finish, as every server does.
func TestAServerDrains(t *testing.T) {
	servicetest.NoLeaks(t)
	lis := startBackend(t, xds.Server())
	plane.listener(t, lis.addr, "")
	echo := dial(t, lis.addr)
	until(t, "the server serves", func() bool { return call(echo) == nil })
	if err := lis.stop(); err != nil {
		t.Errorf("the shutdown: %v", err)
	}
	if err := call(echo); status.Code(err) != codes.Unavailable {
		t.Errorf("a call after the shutdown: %v, want UNAVAILABLE", err)
	}
}

// TestServersCountTheirConnections checks that the limits of connections hold, and that a connection
// counts once.
func TestServersCountTheirConnections(t *testing.T) {
	servicetest.NoLeaks(t)
	b := startBackend(t, xds.Server(), server.WithMaxConnections(1))
	plane.listener(t, b.addr, "")
	first := dial(t, b.addr)
	until(t, "the server serves", func() bool { return call(first) == nil })
	if err := call(dial(t, b.addr)); status.Code(err) != codes.Unavailable {
		t.Errorf("the second connection of one: %v, want UNAVAILABLE", err)
	}
	if err := call(first); err != nil {
		t.Errorf("the first connection: %v", err)
	}
}

func TestOnHasNoEngine(t *testing.T) {
	defer func() {
		if value := recover(); value == nil || !strings.Contains(value.(error).Error(), "WithEngine: On serves nothing") {
			t.Errorf("On(Server()) panics with %v", value)
		}
	}()
	server.On(grpc.NewServer(), xds.Server())
}

func TestUnixSocketsAreAnError(t *testing.T) {
	servicetest.NoLeaks(t)
	lis, err := net.Listen("unix", filepath.Join(t.TempDir(), "socket"))
	if err != nil {
		t.Fatal(err)
	}
	err = server.New(xds.Server(), server.WithLogger(slog.New(slog.DiscardHandler))).Serve(t.Context(), lis)
	if err == nil || !strings.Contains(err.Error(), "TCPAddr") {
		t.Errorf("got %v", err)
	}
}

// probe returns what the address for probes reports of the server.
func probe(t *testing.T, addr string) healthpb.HealthCheckResponse_ServingStatus {
	t.Helper()
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	resp, err := healthpb.NewHealthClient(conn).Check(t.Context(), new(healthpb.HealthCheckRequest), grpc.WaitForReady(true))
	if err != nil {
		t.Fatal(err)
	}
	return resp.GetStatus()
}

// record is a log that may be read while it is written.
type record struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (r *record) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(b)
}

func (r *record) has(words string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Contains(r.text.String(), words)
}
