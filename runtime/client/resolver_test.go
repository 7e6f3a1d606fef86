package client_test

import (
	"context"
	"errors"
	"maps"
	"net"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/client/endpoint"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/server"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
)

func dial(t *testing.T, target string, opts ...client.Option) *client.Conn {
	t.Helper()
	conn, err := client.Dial(target, append(opts, client.WithInsecure())...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func check(ctx context.Context, conn grpc.ClientConnInterface, opts ...grpc.CallOption) error {
	_, err := healthpb.NewHealthClient(conn).Check(ctx, new(healthpb.HealthCheckRequest), opts...)
	return err
}

// eventually calls until the error is as wanted.
func eventually(t *testing.T, conn grpc.ClientConnInterface, code codes.Code, text string) {
	t.Helper()
	for ctx := echotest.Context(t); ; {
		err := check(ctx, conn)
		if status.Code(err) == code && strings.Contains(status.Convert(err).Message(), text) {
			return
		}
		if ctx.Err() != nil {
			t.Fatalf("got %v, want %v: %s", err, code, text)
		}
		time.Sleep(time.Millisecond)
	}
}

// TestResolversThatFlap checks that callers see why there is no server, with every balancer, and
// that calls that wait do.
func TestResolversThatFlap(t *testing.T) {
	for _, balancer := range []client.Balancer{client.RoundRobin(), client.PickFirst(), client.LeastRequest()} {
		t.Run(balancer.Name(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { flap(t, balancer) })
		})
	}
}

func flap(t *testing.T, balancer client.Balancer) {
	logged(t)
	steps := make(chan any)
	conn := dial(t, "registry:///books", client.WithBalancer(balancer), inMemory(t),
		client.WithResolvers(client.NewResolver("registry", following(steps))))
	waiting := make(chan error, 1)
	go func() { waiting <- check(t.Context(), conn, grpc.WaitForReady(true)) }()
	want := func(code codes.Code, text string) {
		t.Helper()
		synctest.Wait()
		err := check(t.Context(), conn)
		if status.Code(err) != code || !strings.Contains(status.Convert(err).Message(), text) {
			t.Errorf("got %v, want %v: %s", err, code, text)
		}
	}
	for range 3 {
		steps <- errors.New("the registry is away")
		want(codes.Unavailable, cannot+"the registry is away")
		steps <- endpoints{}
		want(codes.Unavailable, cannot+"it has no servers")
		steps <- status.Error(codes.PermissionDenied, "not yours")
		want(codes.Unavailable, cannot+"rpc error: code = PermissionDenied desc = not yours")
		steps <- endpoints{endpoint.New("a:1"), endpoint.New("b:1"), endpoint.New("a:1")}
		for range 10 {
			want(codes.OK, "")
		}
		steps <- errors.New("the registry is away")
		steps <- errors.New("the registry is away")
		for range 10 {
			want(codes.OK, "")
		}
		steps <- endpoints(nil)
		want(codes.Unavailable, cannot+"it has no servers")
	}
	if err := <-waiting; err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	err := check(ctx, conn, grpc.WaitForReady(true))
	if status.Code(err) != codes.DeadlineExceeded || !strings.Contains(err.Error(), "it has no servers") {
		t.Errorf("got %v, want %v and the reason", err, codes.DeadlineExceeded)
	}
}

// inMemory serves for the connections of a bubble, whatever their address.
func inMemory(t *testing.T) client.Option {
	lis, srv := bufconn.Listen(1<<20), grpc.NewServer()
	healthpb.RegisterHealthServer(srv, health.NewServer())
	go srv.Serve(lis) // until Stop
	t.Cleanup(srv.Stop)
	return client.WithDialOptions(grpc.WithContextDialer(func(ctx context.Context, addr string) (net.Conn, error) {
		conn, err := lis.DialContext(ctx)
		return namedConn{conn, namedAddr{conn.LocalAddr(), addr}}, err
	}))
}

// namedConn is a connection in memory with an address.
type (
	namedConn struct {
		net.Conn
		addr net.Addr
	}
	namedAddr struct {
		net.Addr
		name string
	}
)

func (c namedConn) RemoteAddr() net.Addr { return c.addr }
func (a namedAddr) String() string       { return a.name }

// called returns the addresses of the servers that calls reach, or the error of a call.
func called(t *testing.T, conn grpc.ClientConnInterface) string {
	t.Helper()
	synctest.Wait()
	addrs := map[string]bool{}
	for range 10 {
		var at peer.Peer
		if err := check(t.Context(), conn, grpc.Peer(&at)); err != nil {
			return err.Error()
		}
		addrs[at.Addr.String()] = true
		synctest.Wait()
	}
	return strings.Join(slices.Sorted(maps.Keys(addrs)), " ")
}

// TestOtherResolversThatFlap has a resolver of grpc, as that of DNS, that loses its source.
func TestOtherResolversThatFlap(t *testing.T) {
	servicetest.NoLeaks(t)
	addr := echotest.ListenAndServe(t, server.New(server.WithDrainDelay(0)))
	names := manual.NewBuilderWithScheme("names")
	conn := dial(t, "names:///books", client.WithResolvers(names))
	conn.Connect()
	for range 3 {
		names.CC().ReportError(errors.New("no such host"))
		eventually(t, conn, codes.Unavailable, "no such host")
	}
	for range 3 {
		if err := names.CC().UpdateState(resolver.State{Endpoints: endpoints{endpoint.New(addr)}}); err != nil {
			t.Error(err)
		}
		eventually(t, conn, codes.OK, "")
		names.CC().ReportError(errors.New("no such host"))
		for range 10 {
			if err := check(echotest.Context(t), conn); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestIdleConnectionWhoseSourceIsLost checks that servers are remembered while there is no
// resolver.
func TestIdleConnectionWhoseSourceIsLost(t *testing.T) {
	logged(t)
	servicetest.NoLeaks(t)
	addr := echotest.ListenAndServe(t, server.New(server.WithDrainDelay(0)))
	lost := false
	ended := make(chan struct{}, 1)
	registry := client.NewResolver("registry", func(ctx context.Context, _ *url.URL, update func(endpoints)) error {
		if lost {
			return errors.New("the registry is away")
		}
		update(endpoints{endpoint.New(addr)})
		<-ctx.Done()
		ended <- struct{}{}
		return nil
	})
	conn := dial(t, "registry:///books", client.WithResolvers(registry), client.WithIdleTimeout(time.Millisecond))
	if err := check(echotest.Context(t), conn); err != nil {
		t.Fatal(err)
	}
	echotest.Within(t, ended) // because it is idle
	lost = true
	for state := conn.GetState(); state != connectivity.Idle; state = conn.GetState() {
		conn.WaitForStateChange(echotest.Context(t), state)
	}
	if err := check(echotest.Context(t), conn); err != nil {
		t.Error(err)
	}
	// Another connection does not know them.
	other := dial(t, "registry:///books", client.WithResolvers(registry))
	eventually(t, other, codes.Unavailable, cannot+"the registry is away")
}

func TestDialRejectsResolvers(t *testing.T) {
	none := func(context.Context, *url.URL, func(endpoints)) error { return nil }
	r := client.NewResolver("registry", none)
	for want, opt := range map[string]client.Option{
		`WithResolvers: the scheme "registry" has a resolver; use another scheme`:               client.WithResolvers(r, r),
		"WithResolvers: a resolver is nil; pass the result of NewResolver":                      client.WithResolvers(nil),
		`WithResolvers: the resolver of "registry" has no function; pass one to NewResolver`:    client.WithResolvers(client.NewResolver("registry", nil)),
		`WithResolvers: the scheme "dns" is built in; use another scheme`:                       client.WithResolvers(client.NewResolver("dns", none)),
		`WithResolvers: the scheme "file" is built in; use another scheme`:                      client.WithResolvers(client.NewResolver("FILE", none)),
		`WithResolvers: "my_registry" is not a scheme; write a letter and then letters, digits`: client.WithResolvers(client.NewResolver("my_registry", none)),
		`WithResolvers: "" is not a scheme`:                                                     client.WithResolvers(client.NewResolver("", none)),
		`WithResolvers: "Registry" is not a scheme`:                                             client.WithResolvers(manual.NewBuilderWithScheme("Registry")),
		`no balancer "none" is registered`:                                                      client.WithBalancer(client.NewBalancer("none", nil)),
		"least_request_experimental": client.WithBalancer(
			client.NewBalancer("least_request_experimental", map[string]int{"choiceCount": 1})),
	} {
		_, err := client.Dial("registry:///books", client.WithInsecure(), opt)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
