package client_test

import (
	"context"
	"net/url"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/resolver"

	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/client/endpoint"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/internal/fleet"
)

// source tells a client where servers are.
type source interface {
	dial(t *testing.T, opts ...client.Option) *client.Conn
	set(t *testing.T, addrs ...string)
}

// registry is a source with a resolver of [client.NewResolver].
type registry struct {
	mu      sync.Mutex
	addrs   []string
	changed chan struct{}
}

func newRegistry(*testing.T) source { return &registry{changed: make(chan struct{})} }

func (r *registry) set(_ *testing.T, addrs ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.addrs = addrs
	close(r.changed)
	r.changed = make(chan struct{})
}

func (r *registry) get() (addrs []string, changed <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.addrs, r.changed
}

func (r *registry) dial(t *testing.T, opts ...client.Option) *client.Conn {
	watch := func(ctx context.Context, _ *url.URL, update func([]resolver.Endpoint)) error {
		for {
			addrs, changed := r.get()
			var servers []resolver.Endpoint
			for _, addr := range addrs {
				servers = append(servers, endpoint.New(addr))
			}
			update(servers)
			select {
			case <-changed:
			case <-ctx.Done():
				return nil
			}
		}
	}
	opts = append(opts, client.WithResolvers(client.NewResolver("registry", watch)))
	return dialFleet(t, "registry:///echo", opts...)
}

func dialFleet(t *testing.T, target string, opts ...client.Option) *client.Conn {
	t.Helper()
	conn, err := client.Dial(target, append(opts, client.WithInsecure())...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// TestFleet changes the servers of a connection while 50 calls run.
func TestFleet(t *testing.T) {
	sources := map[string]func(*testing.T) source{"registry": newRegistry}
	balancers := map[string]client.Balancer{
		"round robin": client.RoundRobin(), "least request": client.LeastRequest(),
		"pick first": client.PickFirst(),
	}
	for source, newSource := range sources {
		for balancer, b := range balancers {
			t.Run(source+", "+balancer, func(t *testing.T) {
				testFleet(t, newSource(t), b)
			})
		}
	}
}

func testFleet(t *testing.T, from source, b client.Balancer) {
	one, two, three := fleet.Start(t, "one"), fleet.Start(t, "two"), fleet.Start(t, "three")
	from.set(t, one.Addr, two.Addr)
	load := fleet.Call(t, from.dial(t, client.WithBalancer(b)), echotest.Table)
	if !load.Answers(one.Name, 10*time.Second) {
		t.Fatal("no response of the first server")
	}
	check := func(what string, most int, do func()) {
		t.Helper()
		r := load.During(do)
		t.Logf("%s: %v", what, r)
		if r.Failures() > most || r.Longest > fleet.Deadline+5*time.Second {
			t.Errorf("%s: want at most %d failures, none after its deadline", what, most)
		}
	}
	spreads := b.Name() != client.PickFirst().Name()
	check("added", 0, func() {
		from.set(t, one.Addr, two.Addr, three.Addr)
		if spreads && !load.Answers(three.Name, 3*time.Second) {
			t.Error("no call reached the new server")
		}
	})
	check("drained while it is listed", 0, func() { one.Drain(t) })
	check("removed", 0, func() { from.set(t, two.Addr, three.Addr) })
	check("hung", 50_000, func() {
		two.Suspend(t)
		time.Sleep(fleet.Deadline)
		two.Resume(t)
		if !load.Answers(two.Name, 10*time.Second) {
			t.Error("no response of the server that hung")
		}
	})
	check("network gone", 50_000, func() {
		two.Blackhole(true)
		time.Sleep(fleet.Deadline)
		two.Blackhole(false)
	})
	check("reset", fleet.Concurrent, two.Reset)
	check("killed", fleet.Concurrent, two.Kill)
	check("left", 0, func() {
		if !load.Answers(three.Name, 10*time.Second) {
			t.Error("no response of the only server")
		}
	})
}
