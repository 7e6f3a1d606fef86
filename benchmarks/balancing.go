package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"

	"github.com/grpcservice/grpcservice/benchmarks/peers"
	kindsv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/kinds/v1"
	policyv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/policy/v1"
	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/client/endpoint"
)

// localServers is how many servers receive the calls. A further one is in another zone.
const localServers = 3

// zone is that of the client.
const zone = "here"

// balancing is what is compared with grpc's round_robin, the default of client.Dial.
type balancing struct {
	name    string
	policy  client.Balancer // whose picks are measured; none: no picks
	ready   int             // servers in the zone, of localServers
	far     int             // servers in another zone
	options []client.Option // of Dial, whose calls are measured; nil: no calls
}

// roundRobin is the baseline, and compared with itself: this shows the noise.
var roundRobin = balancing{
	name: "RoundRobin", policy: client.RoundRobin(), ready: localServers,
	options: []client.Option{},
}

// balancings are in the order of the output.
var balancings = []balancing{
	roundRobin,
	{
		name: "SameZone(RoundRobin)", policy: client.SameZone(zone, client.RoundRobin()),
		ready: localServers, far: 1,
		options: []client.Option{client.WithBalancer(client.SameZone(zone, client.RoundRobin()))},
	},
	{
		name: "SameZone(RoundRobin), 1 of 3 ready", policy: client.SameZone(zone, client.RoundRobin()),
		ready: 1, far: 1,
	},
	{
		name: "LeastRequest", policy: client.LeastRequest(), ready: localServers,
		options: []client.Option{client.WithBalancer(client.LeastRequest())},
	},
	{
		name:    "WithConnections(1)",
		options: []client.Option{client.WithConnections(1)},
	},
	{
		name: "WithConnections(4)", policy: pooled(4), ready: localServers,
		options: []client.Option{client.WithConnections(4)},
	},
}

// pooled is what WithConnections gives grpc.
func pooled(n int) client.Balancer {
	return client.NewBalancer("grpcservice_connections", map[string]any{
		"connections": n, "childPolicy": []client.Balancer{client.RoundRobin()},
	})
}

// measureBalancing prints what picks and calls cost the client.
func measureBalancing(ctx context.Context, o options) error {
	printHead(roundRobin.name)
	if err := measurePicks(o); err != nil {
		return err
	}
	return measureBalanced(ctx, o)
}

// measureBalanced compares what the client of servers on loopback uses for a call.
func measureBalanced(ctx context.Context, o options) (err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Hour)
	defer cancel()
	var addrs []string
	for range localServers + 1 {
		s, err := startServer(bare)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, s.stop()) }()
		addrs = append(addrs, s.addr)
	}
	base, err := dialZones(addrs[:localServers], roundRobin.options)
	if err != nil {
		return err
	}
	defer base.Close()
	for _, b := range balancings {
		if b.options == nil {
			continue
		}
		conn, err := dialZones(addrs[:localServers+b.far], b.options)
		if err != nil {
			return err
		}
		if err := errors.Join(compareCalls(ctx, b.name, o, base, conn), conn.Close()); err != nil {
			return err
		}
	}
	stock, err := dialStock(addrs[:localServers])
	if err != nil {
		return err
	}
	return errors.Join(compareCalls(ctx, "grpc.NewClient, round_robin", o, base, stock), stock.Close())
}

func compareCalls(ctx context.Context, name string, o options, base, other *grpc.ClientConn) error {
	calls := func(conn *grpc.ClientConn) block {
		c := policyv1.NewFullServiceClient(conn)
		return ownBlock(func() error { return callAll(ctx, c, o.calls, o.inFlight) })
	}
	what := fmt.Sprintf("call, %d servers, TCP", localServers)
	return compare(what, name, o.pairs, o.calls, calls(base), calls(other))
}

// ownBlock returns what this process uses while do runs.
func ownBlock(do func() error) block {
	return func() (peers.Usage, error) {
		before, err := peers.Used()
		if err != nil {
			return peers.Usage{}, err
		}
		if err := do(); err != nil {
			return peers.Usage{}, err
		}
		after, err := peers.Used()
		return after.Since(before), err
	}
}

// callAll makes n unary calls, some at a time.
func callAll(ctx context.Context, c policyv1.FullServiceClient, n, inFlight int) error {
	var callers sync.WaitGroup
	errs := make([]error, inFlight)
	for i := range inFlight {
		callers.Go(func() {
			for j := i; j < n && errs[i] == nil; j += inFlight {
				_, errs[i] = c.Unary(ctx, &kindsv1.Request{Text: "hello"})
			}
		})
	}
	callers.Wait()
	return errors.Join(errs...)
}

// dialStock is a connection of grpc, with no other option than round_robin.
func dialStock(addrs []string) (*grpc.ClientConn, error) {
	servers := manual.NewBuilderWithScheme("servers")
	servers.InitialState(resolver.State{Endpoints: endpoints(addrs)})
	return grpc.NewClient("servers:///all", grpc.WithResolvers(servers),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultServiceConfig(`{"loadBalancingConfig": [{"round_robin": {}}]}`))
}

// dialZones is a connection of client.Dial.
func dialZones(addrs []string, opts []client.Option) (*grpc.ClientConn, error) {
	servers := client.NewResolver("servers", func(
		ctx context.Context, _ *url.URL, update func([]resolver.Endpoint),
	) error {
		update(endpoints(addrs))
		<-ctx.Done()
		return ctx.Err()
	})
	conn, err := client.Dial("servers:///all",
		append(opts, client.WithInsecure(), client.WithResolvers(servers))...)
	if err != nil {
		return nil, err
	}
	return conn.ClientConn, nil
}

// endpoints returns the first servers in the client's zone, and the rest in another.
func endpoints(addrs []string) (all []resolver.Endpoint) {
	for i, addr := range addrs {
		of := zone
		if i >= localServers {
			of = "there"
		}
		all = append(all, endpoint.WithZone(endpoint.New(addr), of))
	}
	return all
}
