package e2e

import (
	"context"
	"log/slog"
	"net"
	"testing"

	"google.golang.org/grpc"

	kindsv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/kinds/v1"
	"github.com/grpcservice/grpcservice/internal/e2e/gen/kinds/v1/kindsv1service"
	adapters "github.com/grpcservice/grpcservice/internal/e2e/gen/kinds/v1/kindsv1servicegogrpc"
	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/server"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
)

// TestMain keeps the records of servers without a logger of their own out of the output, or runs
// the server that a test has started as a process.
func TestMain(m *testing.M) {
	if servedAsProcess() {
		return
	}
	slog.SetDefault(slog.New(slog.DiscardHandler))
	m.Run()
}

// quiet is a logger that wants no record.
var quiet = slog.New(slog.DiscardHandler)

// listen listens on a free port.
func listen(t *testing.T) net.Listener {
	t.Helper()
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return lis
}

// connect dials addr with our client until the test ends.
func connect(t *testing.T, addr string, opts ...client.Option) *grpc.ClientConn {
	t.Helper()
	conn, err := client.Dial(addr, append(opts, client.WithInsecure())...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn.ClientConn
}

// serve serves svc with our server over TCP until the test ends, and returns its address.
func serve(t *testing.T, svc kindsv1service.KindsService, opts ...server.Option) string {
	t.Helper()
	return serveOnOurs(t, func(r grpc.ServiceRegistrar) { kindsv1service.RegisterKindsService(r, svc) }, opts...)
}

// serveOnOurs serves what register registers on a server of the runtime.
func serveOnOurs(t *testing.T, register func(grpc.ServiceRegistrar), opts ...server.Option) string {
	t.Helper()
	_, addr := startOurs(t, register, opts...)
	return addr
}

// startOurs is serveOnOurs for tests that need the server.
func startOurs(
	t *testing.T, register func(grpc.ServiceRegistrar), opts ...server.Option,
) (srv *server.Server, addr string) {
	t.Helper()
	srv = server.New(append([]server.Option{server.WithLogger(quiet), server.WithDrainDelay(0)}, opts...)...)
	register(srv)
	lis := listen(t)
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ctx, lis) }()
	t.Cleanup(func() {
		cancel()
		if err := within(t, served); err != nil {
			t.Errorf("Serve returned %v", err)
		}
	})
	return srv, lis.Addr().String()
}

// serveWithoutNetwork serves svc with our server, and returns its connection in the process.
func serveWithoutNetwork(t *testing.T, svc kindsv1service.KindsService) grpc.ClientConnInterface {
	t.Helper()
	srv, _ := startOurs(t, func(r grpc.ServiceRegistrar) { kindsv1service.RegisterKindsService(r, svc) })
	return srv.Conn()
}

// serveOnPlain serves what register registers on a server of grpc's own.
func serveOnPlain(t *testing.T, register func(grpc.ServiceRegistrar)) string {
	t.Helper()
	srv := grpc.NewServer()
	register(srv)
	lis := listen(t)
	go srv.Serve(lis) // ends with Stop
	t.Cleanup(srv.Stop)
	return lis.Addr().String()
}

// end is one way to serve and one way to call.
type end struct {
	name  string
	serve func(*testing.T, kindsv1service.KindsService) grpc.ClientConnInterface
	stub  func(grpc.ClientConnInterface) kindsv1service.KindsService
}

// over returns a way to serve whose addresses our client dials.
func over(
	serve func(*testing.T, kindsv1service.KindsService) string,
) func(*testing.T, kindsv1service.KindsService) grpc.ClientConnInterface {
	return func(t *testing.T, svc kindsv1service.KindsService) grpc.ClientConnInterface {
		return connect(t, serve(t, svc))
	}
}

// ends are all ways in which the two sides of a service with our pipeline meet.
var ends = []end{
	{"our server, our client", over(func(t *testing.T, svc kindsv1service.KindsService) string { return serve(t, svc) }), kindsv1service.NewKindsServiceClient},
	{"our server, stock client", over(func(t *testing.T, svc kindsv1service.KindsService) string { return serve(t, svc) }), newStockClient},
	{"plain server with On, our client", over(func(t *testing.T, svc kindsv1service.KindsService) string {
		return serveOnPlain(t, func(r grpc.ServiceRegistrar) {
			kindsv1service.RegisterKindsService(server.On(r, server.WithLogger(quiet)), svc)
		})
	}), kindsv1service.NewKindsServiceClient},
	{"plain server, stock client", over(func(t *testing.T, svc kindsv1service.KindsService) string {
		return serveOnPlain(t, func(r grpc.ServiceRegistrar) { kindsv1service.RegisterKindsService(r, svc) })
	}), newStockClient},
	{"our server with a stock service, our client", over(func(t *testing.T, svc kindsv1service.KindsService) string {
		return serveOnOurs(t, func(r grpc.ServiceRegistrar) { kindsv1.RegisterKindsServiceServer(r, stockServer{svc: svc}) })
	}), kindsv1service.NewKindsServiceClient},
	{"our server, our client, no network", serveWithoutNetwork, kindsv1service.NewKindsServiceClient},
	{"our server, stock client, no network", serveWithoutNetwork, newStockClient},
	{"adapted server, adapted client", over(func(t *testing.T, svc kindsv1service.KindsService) string {
		return serve(t, adapters.KindsServiceFromServer(adapters.KindsServiceToServer(svc)))
	}), func(conn grpc.ClientConnInterface) kindsv1service.KindsService {
		return adapters.KindsServiceFromClient(adapters.KindsServiceToClient(kindsv1service.NewKindsServiceClient(conn)))
	}},
	{"stock server of an adapted service, adapted client of a stock client", over(func(t *testing.T, svc kindsv1service.KindsService) string {
		return serveOnOurs(t, func(r grpc.ServiceRegistrar) {
			kindsv1.RegisterKindsServiceServer(r, adapters.KindsServiceToServer(svc))
		})
	}), func(conn grpc.ClientConnInterface) kindsv1service.KindsService {
		return adapters.KindsServiceFromClient(kindsv1.NewKindsServiceClient(conn))
	}},
}

// onEachEnd runs a test on every pair of ends and every kind of RPC, and wants no goroutine left.
func onEachEnd(t *testing.T, svc kindsv1service.KindsService, test func(t *testing.T, stub kindsv1service.KindsService, kind string)) {
	for _, end := range ends {
		t.Run(end.name, func(t *testing.T) {
			servicetest.NoLeaks(t)
			stub := end.stub(end.serve(t, svc))
			for _, kind := range kinds {
				t.Run(kind, func(t *testing.T) { test(t, stub, kind) })
			}
		})
	}
}
