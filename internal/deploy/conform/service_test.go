package conform_test

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/grpcservice/grpcservice/internal/deploy"
	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/grpcprom"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// users is a service interface like those in generated code.
type users interface {
	Get(context.Context, *emptypb.Empty) (*emptypb.Empty, error)
	List(context.Context, *emptypb.Empty) (*emptypb.Empty, error)
	Put(context.Context, *emptypb.Empty) (*emptypb.Empty, error)
	Watch(context.Context, *emptypb.Empty) runtime.Stream[emptypb.Empty]
}

const usersName = "shop.v1.UserService"

// usersTable is the table of users: a method for each policy that the monitoring distinguishes.
func usersTable() *runtime.Service[users] {
	return runtime.NewService(usersName, descriptorpb.File_google_protobuf_descriptor_proto,
		runtime.Unary("Get", users.Get, runtime.Policy{Timeout: 2 * time.Second, Retry: runtime.Retry{
			MaxAttempts: 3, InitialBackoff: time.Millisecond, MaxBackoff: time.Millisecond, Multiplier: 1, Codes: []string{"UNAVAILABLE"},
		}}),
		runtime.Unary("List", users.List, runtime.Policy{Concurrency: runtime.Concurrency{Limit: 1}}),
		runtime.Unary("Put", users.Put, runtime.Policy{Timeout: 10 * time.Second, Rates: []runtime.Rate{{PerSecond: 1, Burst: 1}}}),
		runtime.ServerStream("Watch", users.Watch, runtime.Policy{}),
	)
}

// observedApp returns the app that serves users, and its files.
func observedApp(t *testing.T) (deploy.App, map[string][]byte) {
	t.Helper()
	app := apps()["shop"]
	app.Services = []deploy.Service{{FullName: usersName}}
	for _, m := range usersTable().Methods() {
		app.Services[0].Methods = append(app.Services[0].Methods, deploy.Method{
			Name: m.Name, Stream: m.Kind != runtime.KindUnary, Policy: m.Policy,
		})
	}
	files, err := deploy.Files(app)
	if err != nil {
		t.Fatal(err)
	}
	return app, files
}

// service implements users, and calls itself.
type service struct {
	list  *client.Method
	calls atomic.Int64
}

// Get is unavailable every second time, so that clients retry.
func (s *service) Get(context.Context, *emptypb.Empty) (*emptypb.Empty, error) {
	if s.calls.Add(1)%2 == 0 {
		return nil, status.Error(codes.Unavailable, "busy")
	}
	return &emptypb.Empty{}, nil
}

// List calls itself, which its limit of concurrency rejects.
func (s *service) List(ctx context.Context, _ *emptypb.Empty) (*emptypb.Empty, error) {
	_, err := client.Unary[emptypb.Empty](ctx, s.list, &emptypb.Empty{})
	return &emptypb.Empty{}, err
}

func (s *service) Put(context.Context, *emptypb.Empty) (*emptypb.Empty, error) {
	return nil, status.Error(codes.Internal, "no")
}

// Watch sends a response whenever the next one is wanted, until the call ends.
func (s *service) Watch(ctx context.Context, _ *emptypb.Empty) runtime.Stream[emptypb.Empty] {
	return func(yield func(*emptypb.Empty, error) bool) {
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				if !yield(&emptypb.Empty{}, nil) {
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}
}

// serveObserved serves users with metrics, calls all methods until the test ends, and returns the
// address of the metrics.
func serveObserved(t *testing.T) string {
	t.Helper()
	metrics := grpcprom.New()
	file := filepath.Join(t.TempDir(), "policy.json")
	if err := os.WriteFile(file, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	srv := server.New(server.WithObservers(metrics.Server()), server.WithLogger(slog.New(slog.DiscardHandler)), server.WithDrainDelay(0),
		server.WithPolicyFile(file), server.WithMaxCalls(1000), server.WithMaxConnections(1000))
	srv.Background("waiting", func(ctx context.Context) error { <-ctx.Done(); return nil })
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	table := usersTable()
	conn, err := client.Dial(lis.Addr().String(), client.WithInsecure(), client.WithServiceConfig(table),
		client.WithObservers(metrics.Client()))
	if err != nil {
		t.Fatal(err)
	}
	server.Register[users](srv, table, &service{list: client.Bind(conn, table.Methods()[1])})
	metrics.Add(srv.Sources())
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := srv.Serve(ctx, lis); err != nil {
			t.Error(err)
		}
	})
	wg.Go(func() { callAll(ctx, conn, table) })
	web := httptest.NewServer(http.StripPrefix("/metrics", metrics.Handler()))
	t.Cleanup(func() {
		web.Close()
		cancel()
		wg.Wait()
		conn.Close()
	})
	return web.Listener.Addr().String()
}

// callAll calls all methods now and then, until ctx ends. One stream stays open.
func callAll(ctx context.Context, conn grpc.ClientConnInterface, table *runtime.Service[users]) {
	methods := table.Methods()
	var bound []*client.Method
	for _, m := range methods {
		bound = append(bound, client.Bind(conn, m))
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for range client.ServerStream[emptypb.Empty](ctx, bound[3], &emptypb.Empty{}) {
		}
	})
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for ctx.Err() == nil {
		for _, m := range bound[:3] {
			_, _ = client.Unary[emptypb.Empty](ctx, m, &emptypb.Empty{}) // errors are counted too
		}
		for range client.ServerStream[emptypb.Empty](ctx, bound[3], &emptypb.Empty{}) {
			break
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
	wg.Wait()
}
