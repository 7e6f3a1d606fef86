package server_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/internal/certtest"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/server"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
)

// socket returns the address of a Unix socket that does not exist yet.
func socket(t *testing.T) string {
	t.Helper()
	return "unix://" + filepath.Join(t.TempDir(), "s")
}

// TestHealthAddr probes a server with mutual TLS in plain text, from its start to its end.
func TestHealthAddr(t *testing.T) {
	servicetest.NoLeaks(t)
	dir, ca := t.TempDir(), certtest.NewCA(t, "root")
	cert, key := ca.Issue(t, "server").Write(t, dir)
	addr := socket(t)
	srv := server.New(server.WithLogger(slog.New(slog.DiscardHandler)), server.WithHealthAddr(addr),
		server.WithTLSFiles(cert, key), server.WithClientCAs(certtest.Write(t, dir, ca)),
		server.WithDrainDelay(time.Hour), server.WithMaxCalls(1), server.WithMaxConnections(1),
		server.WithAuthenticator(server.AuthenticateFunc(func(context.Context) (*runtime.Principal, error) { return nil, nil })))
	server.Register[echotest.Service](srv, echotest.Table, echoes())
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(context.Background(), lis) }()
	conn := dial(t, addr, client.WithInsecure())
	probe := func(service string) func() string {
		return func() string { return healthOf(echotest.Context(t), conn, service) }
	}
	for _, service := range []string{"", "test.v1.Echo", "grpc.health.v1.Health", server.HealthTLS} {
		eventually(t, "<SERVING>", probe(service))
	}
	srv.Health().SetServing("test.v1.Echo", false)
	eventually(t, "<NOT_SERVING>", probe("test.v1.Echo"))
	list, err := healthpb.NewHealthClient(conn).List(echotest.Context(t), new(healthpb.HealthListRequest))
	if err != nil || len(list.GetStatuses()) != 3 {
		t.Errorf("List: %v, %v", list, err)
	}
	for kind, call := range echotest.Kinds {
		if err := call(echotest.Context(t), conn); status.Code(err) != codes.Unimplemented {
			t.Errorf("%s of the service: got %v, want UNIMPLEMENTED", kind, err)
		}
	}
	watch, err := healthpb.NewHealthClient(conn).Watch(echotest.Context(t), new(healthpb.HealthCheckRequest))
	if err != nil {
		t.Fatal(err)
	}
	if first, err := watch.Recv(); err != nil || first.GetStatus() != healthpb.HealthCheckResponse_SERVING {
		t.Errorf("Watch: %v, %v", first, err)
	}
	stopped := make(chan error, 1)
	ctx, force := context.WithCancel(context.Background()) // ends the delay
	defer force()
	go func() { stopped <- srv.Shutdown(ctx) }()
	eventually(t, "<NOT_SERVING>", probe(""))
	eventually(t, "<SERVING>", probe("grpc.health.v1.Health")) // alive while it drains
	if last, err := watch.Recv(); err != nil || last.GetStatus() != healthpb.HealthCheckResponse_NOT_SERVING {
		t.Errorf("Watch: %v, %v", last, err)
	}
	force()
	if err := echotest.Within(t, stopped); err != nil {
		t.Error(err)
	}
	if err := echotest.Within(t, served); err != nil {
		t.Error(err)
	}
	eventually(t, "Unavailable", probe(""))
}

// TestHealthAddrErrors serves with addresses that cannot be used.
func TestHealthAddrErrors(t *testing.T) {
	servicetest.NoLeaks(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for want, addr := range map[string]string{
		"cannot serve health: listen tcp " + taken.Addr().String() + ": bind: address already in use": taken.Addr().String(),
		`WithHealthAddr("8081"): it has no port`:                                                      "8081",
		`WithHealthAddr(""): it has no port`:                                                          "",
	} {
		lis, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		err = server.New(server.WithHealthAddr(addr)).Serve(echotest.Context(t), lis)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", addr, err, want)
		}
	}
	defer func() {
		if got := fmt.Sprint(recover()); !strings.Contains(got, "On serves no address") {
			t.Errorf("On panics with %s", got)
		}
	}()
	server.On(grpc.NewServer(), server.WithHealthAddr(":8081"))
}

// ownHealth is a health service of the user.
type ownHealth struct {
	healthpb.UnimplementedHealthServer
}

func (ownHealth) Check(context.Context, *healthpb.HealthCheckRequest) (*healthpb.HealthCheckResponse, error) {
	return &healthpb.HealthCheckResponse{Status: healthpb.HealthCheckResponse_UNKNOWN}, nil
}

// TestHealthAddrServesOwnHealth probes a health service that replaces the server's.
func TestHealthAddrServesOwnHealth(t *testing.T) {
	servicetest.NoLeaks(t)
	addr := socket(t)
	srv := server.New(server.WithHealthAddr(addr), server.WithDrainDelay(0), server.WithLogger(slog.New(slog.DiscardHandler)),
		server.WithAuthenticator(server.AuthenticateFunc(func(context.Context) (*runtime.Principal, error) { return nil, nil })))
	healthpb.RegisterHealthServer(srv, ownHealth{})
	echotest.ListenAndServe(t, srv)
	conn := dial(t, addr, client.WithInsecure())
	eventually(t, "<UNKNOWN>", func() string { return healthOf(echotest.Context(t), conn, "") })
}

// TestHealthAddrOfExpiredCertificate probes a server that no client can connect to.
func TestHealthAddrOfExpiredCertificate(t *testing.T) {
	servicetest.NoLeaks(t)
	dir, addr, ca := t.TempDir(), socket(t), certtest.NewCA(t, "root")
	now := time.Now()
	cert, key := ca.Issue(t, "server", certtest.Valid(now.Add(-time.Hour), now.Add(5*time.Second))).Write(t, dir)
	srv := server.New(server.WithHealthAddr(addr), server.WithDrainDelay(0), server.WithTLSFiles(cert, key),
		server.WithLogger(slog.New(slog.DiscardHandler)))
	server.Register[echotest.Service](srv, echotest.Table, echoes())
	echotest.ListenAndServe(t, srv)
	conn := dial(t, addr, client.WithInsecure())
	watch, err := healthpb.NewHealthClient(conn).Watch(echotest.Context(t), &healthpb.HealthCheckRequest{Service: "test.v1.Echo"}, grpc.WaitForReady(true))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"SERVING", "NOT_SERVING", "SERVING"} {
		if got, err := watch.Recv(); err != nil || got.GetStatus().String() != want {
			t.Fatalf("Watch: %v, %v, want %s", got, err, want)
		}
		if want == "NOT_SERVING" {
			for _, service := range []string{"", "test.v1.Echo", server.HealthTLS} {
				if got := healthOf(echotest.Context(t), conn, service); got != "<NOT_SERVING>" {
					t.Errorf("%q is %s", service, got)
				}
			}
			if got := healthOf(echotest.Context(t), conn, "grpc.health.v1.Health"); got != "<SERVING>" {
				t.Errorf("the process is %s", got) // a restart does not help
			}
			ca.Issue(t, "server").Write(t, dir)
		}
	}
}

// TestHealthAddrLeavesPolicyFile changes policies of a server that has an address for probes.
func TestHealthAddrLeavesPolicyFile(t *testing.T) {
	w := startWatched(t, runtime.Policy{}, `{}`, succeeds, server.WithHealthAddr(socket(t)))
	if err := w.call("One"); err != nil {
		t.Fatal(err)
	}
	w.change(forAll(`{"rate": [{"perSecond": 0.001, "burst": 1}]}`))
	for kind := range echotest.Kinds {
		_ = w.call(kind)
		if err := w.call(kind); status.Code(err) != codes.ResourceExhausted {
			t.Errorf("%s: got %v, want RESOURCE_EXHAUSTED", kind, err)
		}
	}
}

// TestHealthAddrNeedsNoProxyHeader probes a server from an address of its proxies.
func TestHealthAddrNeedsNoProxyHeader(t *testing.T) {
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := lis.Addr().String()
	if err := lis.Close(); err != nil {
		t.Fatal(err)
	}
	srv := server.New(server.WithHealthAddr(addr), server.WithDrainDelay(0), server.WithLogger(slog.New(slog.DiscardHandler)),
		server.WithProxyProtocol(loopback), server.WithTrustedProxies(loopback))
	server.Register[echotest.Service](srv, echotest.Table, echoes())
	echotest.ListenAndServe(t, srv)
	conn := dial(t, addr, client.WithInsecure())
	eventually(t, "<SERVING>", func() string { return healthOf(echotest.Context(t), conn, "") })
}
