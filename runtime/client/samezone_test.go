package client_test

import (
	"context"
	"maps"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/resolver"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/client/endpoint"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
)

// zonal is a server that counts its calls.
type zonal struct {
	t      *testing.T
	addr   string
	calls  atomic.Int64
	health *health.Server

	grpc   *grpc.Server
	served chan error
}

func startZonal(t *testing.T) *zonal {
	t.Helper()
	z := &zonal{t: t, addr: "127.0.0.1:0"}
	z.start()
	t.Cleanup(z.kill)
	return z
}

// start serves, at the same address as before.
func (z *zonal) start() {
	z.t.Helper()
	lis, err := net.Listen("tcp", z.addr)
	if err != nil {
		z.t.Fatal(err)
	}
	z.addr = lis.Addr().String()
	z.health = health.NewServer()
	z.grpc = grpc.NewServer(grpc.UnknownServiceHandler(func(_ any, stream grpc.ServerStream) error {
		z.calls.Add(1)
		if err := stream.RecvMsg(new(emptypb.Empty)); err != nil {
			return err
		}
		return stream.SendMsg(new(emptypb.Empty))
	}))
	grpc_health_v1.RegisterHealthServer(z.grpc, z.health)
	srv, served := z.grpc, make(chan error, 1)
	z.served = served
	go func() { served <- srv.Serve(lis) }()
}

// kill resets all connections.
func (z *zonal) kill() {
	z.grpc.Stop()
	<-z.served
	z.served <- nil
}

// drain finishes all calls.
func (z *zonal) drain() {
	z.health.Shutdown()
	z.grpc.GracefulStop()
	<-z.served
	z.served <- nil
}

// zones is a resolver of servers by zone; "" has those without one.
type zones map[string][]*zonal

func (z zones) endpoints() (all []resolver.Endpoint) {
	for _, zone := range slices.Sorted(maps.Keys(z)) {
		for _, s := range z[zone] {
			all = append(all, endpoint.WithZone(endpoint.New(s.addr), zone))
		}
	}
	return all
}

// dialZones returns a connection to servers and a function that changes them.
func dialZones(t *testing.T, at zones, opts ...client.Option) (*client.Conn, func(zones)) {
	t.Helper()
	updates := make(chan zones, 1)
	updates <- at
	watch := func(ctx context.Context, _ *url.URL, update func([]resolver.Endpoint)) error {
		for {
			select {
			case z := <-updates:
				update(z.endpoints())
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	conn, err := client.Dial("zones:///servers", append(opts,
		client.WithInsecure(), client.WithResolvers(client.NewResolver("zones", watch)),
		client.WithDialOptions(grpc.WithConnectParams(grpc.ConnectParams{
			MinConnectTimeout: 20 * time.Second, // grpc's default
			Backoff: backoff.Config{
				BaseDelay: 10 * time.Millisecond, Multiplier: 1, MaxDelay: 10 * time.Millisecond,
			},
		})))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn, func(z zones) { updates <- z }
}

func callZone(ctx context.Context, conn *client.Conn) error {
	return conn.Invoke(ctx, "/zones.Zones/Call", new(emptypb.Empty), new(emptypb.Empty))
}

// wantCalls waits until one batch of calls after the other reaches servers here and there as often
// as want states. Calls may fail until then.
func wantCalls(t *testing.T, conn *client.Conn, servers [2][]*zonal, want [2]int64) {
	t.Helper()
	ctx := echotest.Context(t)
	batch := func() (got [2]int64) {
		before := count(servers)
		for range want[0] + want[1] {
			if err := callZone(ctx, conn); err != nil && ctx.Err() != nil {
				break
			}
		}
		after := count(servers)
		return [2]int64{after[0] - before[0], after[1] - before[1]}
	}
	got := batch()
	for got != want && ctx.Err() == nil {
		got = batch()
	}
	for range 2 {
		if again := batch(); again != want {
			t.Fatalf("got %d and then %d calls, want %d", got, again, want)
		}
	}
}

// reach calls until each of the servers has received a call. If these are the servers of the
// caller's zone, all calls stay in the zone from then on.
func reach(t *testing.T, conn *client.Conn, servers ...*zonal) {
	t.Helper()
	ctx := echotest.Context(t)
	for _, s := range servers {
		for s.calls.Load() == 0 {
			if err := callZone(ctx, conn); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// count returns the calls of servers here and there.
func count(servers [2][]*zonal) (calls [2]int64) {
	for i, group := range servers {
		for _, s := range group {
			calls[i] += s.calls.Load()
		}
	}
	return calls
}

func TestSameZone(t *testing.T) {
	servicetest.NoLeaks(t)
	a, b, c := startZonal(t), startZonal(t), startZonal(t)
	far, unknown := startZonal(t), startZonal(t)
	all := [2][]*zonal{{a, b, c}, {far, unknown}}
	conn, _ := dialZones(t, zones{"here": {a, b, c}, "there": {far}, "": {unknown}},
		client.WithBalancer(client.SameZone("here", client.RoundRobin())))

	reach(t, conn, a, b, c)
	wantCalls(t, conn, all, [2]int64{15, 0})
	a.kill() // 2 of 3 bear 14/15 of all calls
	wantCalls(t, conn, all, [2]int64{14, 1})
	b.kill() // 1 of 3 bears 7/15
	wantCalls(t, conn, all, [2]int64{7, 8})
	c.kill()
	wantCalls(t, conn, all, [2]int64{0, 15})
	far.kill() // 1 of 2 bears 7/10, but no others are left
	wantCalls(t, conn, all, [2]int64{0, 15})
	a.start()
	wantCalls(t, conn, all, [2]int64{7, 8})
	unknown.kill()
	wantCalls(t, conn, all, [2]int64{15, 0})
	far.start()
	wantCalls(t, conn, all, [2]int64{7, 8})
	b.start()
	c.start()
	wantCalls(t, conn, all, [2]int64{15, 0})
}

// TestSameZoneFollowsHealth checks that a server that is not SERVING does not count as ready.
func TestSameZoneFollowsHealth(t *testing.T) {
	servicetest.NoLeaks(t)
	for name, child := range map[string]client.Balancer{
		"round_robin": client.RoundRobin(), "least_request": client.LeastRequest(),
	} {
		t.Run(name, func(t *testing.T) {
			a, b, far := startZonal(t), startZonal(t), startZonal(t)
			all := [2][]*zonal{{a, b}, {far}}
			conn, _ := dialZones(t, zones{"here": {a, b}, "there": {far}},
				client.WithHealthChecks(), client.WithBalancer(client.SameZone("here", child)))
			reach(t, conn, a, b)
			wantCalls(t, conn, all, [2]int64{10, 0})
			a.health.SetServingStatus("", grpc_health_v1.HealthCheckResponse_NOT_SERVING)
			wantCalls(t, conn, all, [2]int64{7, 3})
			b.health.SetServingStatus("", grpc_health_v1.HealthCheckResponse_NOT_SERVING)
			wantCalls(t, conn, all, [2]int64{0, 10})
			a.health.SetServingStatus("", grpc_health_v1.HealthCheckResponse_SERVING)
			b.health.SetServingStatus("", grpc_health_v1.HealthCheckResponse_SERVING)
			wantCalls(t, conn, all, [2]int64{10, 0})
		})
	}
}

// TestSameZoneLosesNoCall drains servers, adds servers and changes their zones while calls run.
func TestSameZoneLosesNoCall(t *testing.T) {
	servicetest.NoLeaks(t)
	a, b, c := startZonal(t), startZonal(t), startZonal(t)
	far, farther := startZonal(t), startZonal(t)
	all := [2][]*zonal{{a, b, c}, {far, farther}}
	near := zones{"here": {a, b, c}, "there": {far, farther}}
	conn, update := dialZones(t, near, client.WithBalancer(client.SameZone("here", client.RoundRobin())))

	ctx, cancel := context.WithCancel(echotest.Context(t))
	var calling sync.WaitGroup
	for range 8 {
		calling.Go(func() {
			for ctx.Err() == nil {
				if err := callZone(context.WithoutCancel(ctx), conn); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	stays := func(at zones, want []*zonal) {
		t.Helper()
		update(at)
		waitForCalls(t, all, want)
	}
	waitForCalls(t, all, []*zonal{a, b, c})
	for _, s := range []*zonal{a, b, c} {
		s.drain()
		waitForCalls(t, all, []*zonal{far})
	}
	waitForCalls(t, all, []*zonal{far, farther})
	for _, s := range []*zonal{c, b, a} {
		s.start()
		waitForCalls(t, all, []*zonal{s})
	}
	stays(zones{"here": {a}, "there": {far, farther}}, []*zonal{a})
	stays(zones{"here": {far}, "there": {a, b, c}}, []*zonal{far})
	stays(zones{"": {a, b, c}}, []*zonal{a, b, c})
	stays(zones{"here": {b, c}}, []*zonal{b, c})
	stays(zones{"here": {far, farther}}, []*zonal{far, farther})
	stays(near, []*zonal{a, b, c})
	cancel()
	calling.Wait()
}

// waitForCalls waits until each of the servers has received more calls.
func waitForCalls(t *testing.T, all [2][]*zonal, want []*zonal) {
	t.Helper()
	ctx := echotest.Context(t)
	for _, s := range want {
		for before := s.calls.Load(); s.calls.Load() < before+10; {
			if ctx.Err() != nil {
				t.Fatalf("a server receives no calls; all: %d", count(all))
			}
			time.Sleep(time.Millisecond) // yields to the calls
		}
	}
}

func TestSameZoneWithMistakes(t *testing.T) {
	for want, b := range map[string]client.Balancer{
		"the zone is empty":    client.SameZone("", client.RoundRobin()),
		`no balancer ["none"]`: client.SameZone("here", client.NewBalancer("none", nil)),
		`no balancer [""]`:     client.SameZone("here", client.Balancer{}),
		"childPolicy: grpcservice_same_zone: the zone is empty": client.SameZone("here",
			client.SameZone("", client.RoundRobin())),
		"choiceCount": client.SameZone("here",
			client.NewBalancer("least_request_experimental", map[string]int{"choiceCount": 1})),
	} {
		_, err := client.Dial("localhost:1", client.WithInsecure(), client.WithBalancer(b))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
