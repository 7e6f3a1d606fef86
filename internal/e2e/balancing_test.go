package e2e

import (
	"context"
	"net/url"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/resolver"

	balancingv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/balancing/v1"
	service "github.com/grpcservice/grpcservice/internal/e2e/gen/balancing/v1/balancingv1service"
	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/client/endpoint"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// balancedServer has all services of balancing.v1, and counts their calls.
type balancedServer struct {
	name string
	all  *balancedServers
}

// balancedServers are the servers of a test. The calls of those that block do not return before the
// end of the test.
type balancedServers struct {
	mu       sync.Mutex
	calls    map[string]int
	blocks   map[string]bool
	arrived  chan string // receives the name of a server that blocks for each of its calls
	released chan struct{}
}

func (s balancedServer) Get(
	context.Context, *balancingv1.GetRequest,
) (*balancingv1.GetResponse, error) {
	s.all.mu.Lock()
	s.all.calls[s.name]++
	blocks := s.all.blocks[s.name]
	s.all.mu.Unlock()
	if blocks {
		select {
		case s.all.arrived <- s.name:
			<-s.all.released
		case <-s.all.released:
		}
	}
	return &balancingv1.GetResponse{Server: s.name}, nil
}

// serveBalanced starts a server for each name, with few streams for each connection, and returns a
// connection to all.
func serveBalanced(
	t *testing.T, streams uint32, names []string, opts ...client.Option,
) (*balancedServers, *grpc.ClientConn) {
	t.Helper()
	all := &balancedServers{
		calls: make(map[string]int), blocks: make(map[string]bool),
		arrived: make(chan string), released: make(chan struct{}),
	}
	var endpoints []resolver.Endpoint
	for _, name := range names {
		impl := balancedServer{name, all}
		addr := serveOnOurs(t, func(r grpc.ServiceRegistrar) {
			service.RegisterLeastService(r, impl)
			service.RegisterFirstService(r, impl)
			service.RegisterPlainService(r, impl)
		}, server.WithGRPCOptions(grpc.MaxConcurrentStreams(streams)))
		endpoints = append(endpoints, endpoint.New(addr))
	}
	watch := func(ctx context.Context, _ *url.URL, update func([]resolver.Endpoint)) error {
		update(endpoints)
		<-ctx.Done()
		return nil
	}
	opts = append(opts, client.WithResolvers(client.NewResolver("fixed", watch)))
	conn := connect(t, "fixed:///servers", opts...)
	t.Cleanup(func() { close(all.released) })
	return all, conn
}

// get calls a method and returns the name of the server.
func get(
	t *testing.T,
	get func(context.Context, *balancingv1.GetRequest) (*balancingv1.GetResponse, error),
) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	resp, err := get(ctx, &balancingv1.GetRequest{})
	if err != nil {
		t.Fatal(err)
	}
	return resp.GetServer()
}

// TestLeastRequestOfTheProto makes calls one by one, where those to one server stay unfinished: it
// receives fewer than the third that round robin would send to it.
func TestLeastRequestOfTheProto(t *testing.T) {
	all, conn := serveBalanced(t, 250, []string{"one", "two", "slow"}, service.LeastServiceConfig())
	least := service.NewLeastServiceClient(conn)
	for seen := make(map[string]bool); len(seen) < 3; { // all are connected
		seen[get(t, least.Get)] = true
	}
	all.mu.Lock()
	all.calls, all.blocks["slow"] = make(map[string]int), true
	all.mu.Unlock()
	const calls = 270 // of which the slow server receives one in nine
	done := make(chan error)
	for range calls {
		go func() {
			_, err := least.Get(t.Context(), &balancingv1.GetRequest{})
			select {
			case done <- err:
			case <-all.released:
			}
		}()
		select {
		case <-all.arrived:
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	all.mu.Lock()
	defer all.mu.Unlock()
	if got := all.calls["slow"]; got > 60 {
		t.Errorf("the slow server received %d of %d calls: %v", got, calls, all.calls)
	}
}

// TestPickFirstOfTheProto checks that all calls reach one server, also those of a service on the
// same connection whose policy states nothing.
func TestPickFirstOfTheProto(t *testing.T) {
	all, conn := serveBalanced(t, 250, []string{"one", "two", "three"},
		service.PlainServiceConfig(), service.FirstServiceConfig())
	first, plain := service.NewFirstServiceClient(conn), service.NewPlainServiceClient(conn)
	server := get(t, first.Get)
	for range 30 {
		get(t, first.Get)
		get(t, plain.Get)
	}
	if all.calls[server] != 61 {
		t.Errorf("the calls were %v", all.calls)
	}
}

// TestConnectionsOfTheProto makes more calls at a time than a server grants to one connection: four
// connections carry eight calls at a time, and one carries two.
func TestConnectionsOfTheProto(t *testing.T) {
	for name, opts := range map[string][]client.Option{
		"four by policy":                    {service.LeastServiceConfig()},
		"four by the policy of one service": {service.PlainServiceConfig(), service.LeastServiceConfig()},
		"four by an option":                 {service.PlainServiceConfig(), client.WithConnections(4)},
	} {
		t.Run(name, func(t *testing.T) {
			all, conn := serveBalanced(t, 2, []string{"one"}, opts...)
			all.blocks["one"] = true
			least := service.NewLeastServiceClient(conn)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			for range 8 {
				go least.Get(ctx, &balancingv1.GetRequest{})
			}
			for n := range 8 {
				select {
				case <-all.arrived:
				case <-ctx.Done():
					t.Fatalf("only %d calls run at a time, want 8", n)
				}
			}
		})
	}
}

// TestServicesOfTheProtoDisagree checks the error of Dial for two generated services.
func TestServicesOfTheProtoDisagree(t *testing.T) {
	_, err := client.Dial("localhost:1",
		client.WithInsecure(), service.LeastServiceConfig(), service.FirstServiceConfig())
	const want = `cannot dial "localhost:1": WithServiceConfig: ` +
		"the services of a connection have one balancing.policy, but balancing.v1.LeastService has " +
		"POLICY_LEAST_REQUEST and balancing.v1.FirstService has POLICY_PICK_FIRST; " +
		"decide with WithBalancer, or dial a connection for each"
	if err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}
