package client_test

import (
	"context"
	"net/url"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/resolver"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/client/endpoint"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/policy"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
)

// balanced returns an option for the echo service with a balancing.
func balanced(b policy.Balancing) client.Option {
	return client.WithServiceConfig(echotest.Table.WithBalancing(b))
}

// byPolicy, overConnections and both are balancings of services.
func byPolicy(p policy.BalancingPolicy) policy.Balancing { return policy.Balancing{Policy: p} }

func overConnections(n int) policy.Balancing { return policy.Balancing{Connections: n} }

func both(p policy.BalancingPolicy, connections int) policy.Balancing {
	return policy.Balancing{Policy: p, Connections: connections}
}

// servers are three servers that count their calls. The calls of the slow one do not return.
type servers struct {
	addrs   []string
	mu      sync.Mutex
	calls   map[string]int
	slow    string
	blocked chan struct{} // receives when a call reaches the slow server
	release chan struct{}
}

func threeServers(t *testing.T) *servers {
	s := &servers{calls: make(map[string]int)}
	s.blocked, s.release = make(chan struct{}), make(chan struct{})
	for _, name := range []string{"one", "two", "three"} {
		_, addr := listenEcho(t, echotest.Funcs{OneFunc: func(context.Context, *text) (*text, error) {
			s.mu.Lock()
			s.calls[name]++
			isSlow := s.slow == name
			s.mu.Unlock()
			if isSlow {
				select {
				case s.blocked <- struct{}{}:
				case <-s.release:
				}
				<-s.release
			}
			return wrapperspb.String(name), nil
		}})
		s.addrs = append(s.addrs, addr)
	}
	return s
}

// callUntilAll calls until each server has answered, so that all are connected.
func (s *servers) callUntilAll(t *testing.T, conn grpc.ClientConnInterface) {
	t.Helper()
	s.callUntil(t, conn, func(seen map[string]bool) bool { return len(seen) == len(s.addrs) })
}

// callUntil calls until enough servers have answered.
func (s *servers) callUntil(
	t *testing.T, conn grpc.ClientConnInterface, enough func(seen map[string]bool) bool,
) {
	t.Helper()
	ctx, seen := echotest.Context(t), make(map[string]bool)
	for !enough(seen) {
		resp, err := clientOf(conn).One(ctx, &text{})
		if err != nil {
			t.Fatal(err)
		}
		seen[resp.GetValue()] = true
	}
}

// reset forgets the calls, and makes a server slow.
func (s *servers) reset(slow string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls, s.slow = make(map[string]int), slow
}

func clientOf(conn grpc.ClientConnInterface) echotest.Client {
	return echotest.Client{Rows: echotest.RowsOf(echotest.Table, conn)}
}

// TestLeastRequestByPolicy makes calls one by one, where those to the slow server stay unfinished.
// Of two random servers it then receives a call only if it is both: one in nine. Round robin gives
// it one in three.
func TestLeastRequestByPolicy(t *testing.T) {
	const calls = 270
	for name, test := range map[string]struct {
		opts        []client.Option
		least, most int // calls of the slow server
	}{
		"by policy":   {[]client.Option{balanced(byPolicy(policy.LeastRequest))}, 0, 60},
		"round robin": {[]client.Option{balanced(byPolicy(policy.RoundRobin))}, 90, 90},
		"unset":       {[]client.Option{balanced(policy.Balancing{})}, 90, 90},
		"by an option": {[]client.Option{balanced(byPolicy(policy.LeastRequest)),
			client.WithBalancer(client.RoundRobin())}, 90, 90},
	} {
		t.Run(name, func(t *testing.T) {
			servicetest.NoLeaks(t)
			s := threeServers(t)
			conn := echotest.DialAll(t, s.addrs, test.opts...)
			s.callUntilAll(t, conn)
			s.reset("two")
			var unfinished sync.WaitGroup
			defer unfinished.Wait()
			defer close(s.release)
			for range calls {
				done := make(chan error)
				unfinished.Go(func() {
					_, err := clientOf(conn).One(echotest.Context(t), &text{})
					select {
					case done <- err:
					case <-s.release:
					}
				})
				select {
				case <-s.blocked:
				case err := <-done:
					if err != nil {
						t.Fatal(err)
					}
				}
			}
			if got := s.calls["two"]; got < test.least || got > test.most {
				t.Errorf("the slow server received %d of %d calls, want %d to %d",
					got, calls, test.least, test.most)
			}
		})
	}
}

// TestPickFirstByPolicy checks that all calls reach one server.
func TestPickFirstByPolicy(t *testing.T) {
	servicetest.NoLeaks(t)
	s := threeServers(t)
	conn := echotest.DialAll(t, s.addrs, balanced(byPolicy(policy.PickFirst)))
	for range 50 {
		if _, err := clientOf(conn).One(echotest.Context(t), &text{}); err != nil {
			t.Fatal(err)
		}
	}
	if s.calls["one"] != 50 {
		t.Errorf("the calls were %v, want 50 of the first server", s.calls)
	}
}

// TestSameZoneByPolicy checks that calls stay in the zone of the client if the policy states it and
// the client knows its zone.
func TestSameZoneByPolicy(t *testing.T) {
	sameZone := policy.Balancing{Policy: policy.RoundRobin, SameZone: true}
	firstInZone := policy.Balancing{Policy: policy.PickFirst, SameZone: true}
	zone, roundRobin := client.WithZone("b"), client.RoundRobin()
	for name, test := range map[string]struct {
		opts []client.Option
		want int // calls of 60 that leave the zone
	}{
		"by policy":            {[]client.Option{balanced(sameZone), zone}, 0},
		"pick first":           {[]client.Option{balanced(firstInZone), zone}, 0},
		"without a policy":     {[]client.Option{balanced(byPolicy(policy.RoundRobin)), zone}, 20},
		"without a zone":       {[]client.Option{balanced(sameZone)}, 20},
		"with an unknown zone": {[]client.Option{balanced(sameZone), client.WithZone("")}, 20},
		"by an option": {[]client.Option{balanced(sameZone), zone,
			client.WithBalancer(client.SameZone("a", roundRobin))}, 60},
		"without it, by an option": {[]client.Option{balanced(sameZone), zone,
			client.WithBalancer(roundRobin)}, 20},
	} {
		t.Run(name, func(t *testing.T) {
			servicetest.NoLeaks(t)
			s := threeServers(t)
			watch := func(ctx context.Context, _ *url.URL, update func([]resolver.Endpoint)) error {
				update([]resolver.Endpoint{
					endpoint.WithZone(endpoint.New(s.addrs[0]), "a"),
					endpoint.WithZone(endpoint.New(s.addrs[1]), "b"),
					endpoint.WithZone(endpoint.New(s.addrs[2]), "b"),
				})
				<-ctx.Done()
				return nil
			}
			opts := append(test.opts, client.WithInsecure(),
				client.WithResolvers(client.NewResolver("zones", watch)))
			conn, err := client.Dial("zones:///echo", opts...)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			s.callUntil(t, conn, func(seen map[string]bool) bool {
				switch {
				case test.want == 60:
					return seen["one"]
				case name == "pick first":
					return seen["two"] || seen["three"]
				default:
					return seen["two"] && seen["three"] && (seen["one"] || test.want == 0)
				}
			})
			s.reset("")
			for range 60 {
				if _, err := clientOf(conn).One(echotest.Context(t), &text{}); err != nil {
					t.Fatal(err)
				}
			}
			if got := s.calls["one"]; got != test.want {
				t.Errorf("%d of 60 calls left the zone, want %d: %v", got, test.want, s.calls)
			}
		})
	}
}

// TestServicesThatDisagree checks the errors for services on one connection with different
// balancings, and that options decide.
func TestServicesThatDisagree(t *testing.T) {
	const prefix = "WithServiceConfig: the services of a connection have one balancing."
	policies := prefix + "policy, but test.v1.Echo has POLICY_LEAST_REQUEST " +
		"and other.Other has POLICY_PICK_FIRST; decide with WithBalancer, " +
		"or dial a connection for each"
	connections := prefix + "connections, but test.v1.Echo has 2 and other.Other has 3; " +
		"decide with WithConnections, or dial a connection for each"
	other := runtime.NewService[echotest.Service]("other.Other", echotest.Table.File())
	least, first := both(policy.LeastRequest, 2), both(policy.PickFirst, 3)
	balancer, one := client.WithBalancer(client.RoundRobin()), client.WithConnections(1)
	for name, test := range map[string]struct {
		one, two policy.Balancing
		opts     []client.Option
		want     string
	}{
		"the same":     {first, first, nil, ""},
		"one is unset": {byPolicy(policy.PickFirst), overConnections(2), nil, ""},
		"policies":     {byPolicy(policy.LeastRequest), byPolicy(policy.PickFirst), nil, policies},
		"connections":  {overConnections(2), overConnections(3), nil, connections},
		"both":         {least, first, nil, policies + "\n" + connections},

		"an option decides about policies":    {least, first, []client.Option{balancer}, connections},
		"an option decides about connections": {least, first, []client.Option{one}, policies},
		"options decide":                      {least, first, []client.Option{balancer, one}, ""},
	} {
		two := client.WithServiceConfig(other.WithBalancing(test.two))
		opts := append(test.opts, balanced(test.one), two)
		_, err := client.ServiceConfigJSON(opts...)
		if text := textOf(err); text != test.want {
			t.Errorf("%s: ServiceConfigJSON: %q, want %q", name, text, test.want)
		}
		conn, err := client.Dial("localhost:1", append(opts, client.WithInsecure())...)
		if err == nil {
			conn.Close()
		}
		if text := strings.TrimPrefix(textOf(err), `cannot dial "localhost:1": `); text != test.want {
			t.Errorf("%s: Dial: %q, want %q", name, text, test.want)
		}
	}
}

func textOf(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// TestServiceConfigHasTheBalancing checks the JSON for clients that are not of Dial.
func TestServiceConfigHasTheBalancing(t *testing.T) {
	const least = `{"least_request_experimental":{}},{"round_robin":{}}`
	for _, test := range []struct {
		b    policy.Balancing
		opts []client.Option
		want string
	}{
		{policy.Balancing{}, nil, `[{"round_robin":{}}],"methodConfig"`},
		{both(policy.RoundRobin, 1), nil, `[{"round_robin":{}}],"methodConfig"`},
		{byPolicy(policy.PickFirst), nil, `[{"pick_first":{}}],"methodConfig"`},
		{both(policy.LeastRequest, 4), nil,
			`[` + least + `],"connectionScaling":{"maxConnectionsPerSubchannel":4},"`},
		{both(policy.LeastRequest, 4),
			[]client.Option{client.WithBalancer(client.PickFirst()), client.WithConnections(2)},
			`[{"pick_first":{}}],"connectionScaling":{"maxConnectionsPerSubchannel":2},"`},
	} {
		table := echotest.TableWith(echotest.RetryQuickly).WithBalancing(test.b)
		config, err := client.ServiceConfigJSON(append(test.opts, client.WithServiceConfig(table))...)
		if err != nil || !strings.HasPrefix(config, `{"loadBalancingConfig":`+test.want) {
			t.Errorf("%+v: %s, %v, want it to start with %s", test.b, config, err, test.want)
		}
	}
}
