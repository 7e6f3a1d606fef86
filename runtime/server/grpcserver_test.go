package server_test

import (
	"context"
	"log/slog"
	"net"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/reflection"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// oldServer is what old code calls of a *grpc.Server.
type oldServer interface {
	reflection.GRPCServer
	Serve(net.Listener) error
	Stop()
	GracefulStop()
}

var _, _ oldServer = (*grpc.Server)(nil), (*server.GRPCServer)(nil)

func newOldServer(opts ...server.Option) oldServer {
	return server.New(append([]server.Option{server.WithLogger(slog.New(slog.DiscardHandler))}, opts...)...).GRPC()
}

// serveOld serves over an in-memory connection, and returns what Serve returns.
func serveOld(t *testing.T, srv oldServer) (*grpc.ClientConn, <-chan error) {
	t.Helper()
	lis, served := bufconn.Listen(1<<20), make(chan error, 1)
	go func() { served <- srv.Serve(lis) }()
	t.Cleanup(func() { echotest.Returns(t, srv.Stop) })
	return echotest.DialMemory(t, lis), served
}

func TestOldCodeServesAndStops(t *testing.T) {
	for name, test := range map[string]struct {
		stop func(oldServer)
		want codes.Code // of the call that runs
		cut  bool       // whether Serve says that a call was cut off
	}{
		"GracefulStop": {oldServer.GracefulStop, codes.OK, false},
		"Stop":         {oldServer.Stop, codes.Unavailable, true},
	} {
		running, stopping := make(chan struct{}), make(chan struct{})
		srv := newOldServer(server.Compatible())
		testgrpc.RegisterTestServiceServer(srv, allStock{do: func(ctx context.Context) error {
			close(running)
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-stopping: // once calls are drained
				return nil
			}
		}})
		conn, served := serveOld(t, srv)
		ended := make(chan error, 1)
		go func() { ended <- stockKinds["EmptyCall"](echotest.Context(t), conn) }()
		echotest.Within(t, running)
		stopped := make(chan struct{})
		go func() {
			defer close(stopped)
			test.stop(srv)
		}()
		if !test.cut {
			close(stopping)
		}
		echotest.Within(t, stopped)
		if err := echotest.Within(t, ended); status.Code(err) != test.want {
			t.Errorf("%s: the call ended with %v, want %v", name, err, test.want)
		}
		if err := echotest.Within(t, served); (err != nil) != test.cut {
			t.Errorf("%s: Serve returned %v", name, err)
		}
		srv.GracefulStop() // again
		srv.Stop()
	}
}

// TestOldCodeRegistersWhatItAlwaysDid registers a health and a reflection service, which a
// *grpc.Server does not have by itself.
func TestOldCodeRegistersWhatItAlwaysDid(t *testing.T) {
	srv := newOldServer()
	own := health.NewServer()
	own.SetServingStatus("theirs", healthpb.HealthCheckResponse_NOT_SERVING)
	healthpb.RegisterHealthServer(srv, own)
	testgrpc.RegisterTestServiceServer(srv, allStock{do: func(context.Context) error { return nil }})
	reflection.Register(srv)
	info := srv.GetServiceInfo() // before Serve, as metrics ask for it
	for service, methods := range map[string]int{"grpc.health.v1.Health": 3, "grpc.testing.TestService": 8, "grpc.reflection.v1.ServerReflection": 1} {
		if got := info[service].Methods; len(got) != methods {
			t.Errorf("%s has the methods %v, want %d", service, got, methods)
		}
	}
	conn, _ := serveOld(t, srv)
	resp, err := healthpb.NewHealthClient(conn).Check(echotest.Context(t), &healthpb.HealthCheckRequest{Service: "theirs"})
	if err != nil || resp.GetStatus() != healthpb.HealthCheckResponse_NOT_SERVING {
		t.Errorf("the health service that was registered is not served: %v, %v", resp, err)
	}
	for kind, call := range stockKinds {
		if err := call(echotest.Context(t), conn); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

// TestGeneratedServicesGoThroughThePipelineOnce registers a service of ours on what old code has.
func TestGeneratedServicesGoThroughThePipelineOnce(t *testing.T) {
	srv := server.New(server.WithLogger(slog.New(slog.DiscardHandler)), server.WithAuthenticator(strangers)).GRPC()
	server.Register[echotest.Service](srv, echotest.Table, echotest.Behaving(func(context.Context) error { return nil }))
	conn, _ := serveOld(t, srv)
	for kind, call := range echotest.Kinds {
		if err := call(echotest.Context(t), conn); rpcerr.ReasonOf(err) != rpcerr.ReasonUnauthenticated {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

// TestPanicsGoOnWithoutRecovery checks this for generated services, for the method and for a
// goroutine of the call.
func TestPanicsGoOnWithoutRecovery(t *testing.T) {
	for name, do := range map[string]func(context.Context) error{
		"method": func(context.Context) error { panic("boom") },
		"goroutine": func(ctx context.Context) error {
			runtime.Go(ctx, func(context.Context) error { panic("boom") })
			return nil
		},
	} {
		told := make(chan any, 1)
		srv := echotest.Start(t, echotest.Behaving(do), server.WithRecovery(false), server.WithGRPCOptions(recovering...),
			server.WithPanicHandler(func(_ context.Context, value any, _ []byte) { told <- value }))
		for kind, call := range echotest.Kinds {
			err := call(echotest.Context(t), srv.Conn)
			if got := status.Convert(err).Message(); got != "the team recovered boom" {
				t.Errorf("%s, %s: %v", name, kind, err)
			}
			if value := echotest.Within(t, told); value != "boom" {
				t.Errorf("%s, %s: the handler was told %v", name, kind, value)
			}
		}
		if err := srv.Stop(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
