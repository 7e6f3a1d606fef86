package samezone

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/connectivity"
	estats "google.golang.org/grpc/experimental/stats"
	"google.golang.org/grpc/resolver"

	_ "google.golang.org/grpc/balancer/leastrequest" // registers the balancer
	_ "google.golang.org/grpc/balancer/roundrobin"   // registers the balancer

	"github.com/grpcservice/grpcservice/runtime/client/endpoint"
)

// channel stands for grpc: it keeps the connections and the last state of a balancer. A test
// changes the states of connections.
type channel struct {
	balancer.ClientConn // nil: other methods are not called
	t                   *testing.T
	b                   balancer.Balancer
	here                []string // the servers in the caller's zone

	mu    sync.Mutex
	state balancer.State
	count int             // of states
	conns map[string]*sub // by address; the last one of each
	all   []*sub
}

// sub is a connection of channel.
type sub struct {
	balancer.SubConn // nil: other methods are not called
	channel          *channel
	addr             string
	listener         func(balancer.SubConnState)

	// Guarded by the mutex of channel.
	connects int
	shutdown int
	state    connectivity.State
	healthy  connectivity.State
	health   func(balancer.SubConnState)
}

func newChannel(t *testing.T) *channel {
	c := &channel{t: t, conns: make(map[string]*sub)}
	c.b = builder{}.Build(c, balancer.BuildOptions{})
	t.Cleanup(c.b.Close)
	return c
}

func (c *channel) NewSubConn(
	addrs []resolver.Address, opts balancer.NewSubConnOptions,
) (balancer.SubConn, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := &sub{channel: c, addr: addrs[0].Addr, listener: opts.StateListener}
	c.conns[s.addr] = s
	c.all = append(c.all, s)
	return s, nil
}

func (c *channel) UpdateState(s balancer.State) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state = s
	c.count++
}

func (c *channel) MetricsRecorder() estats.MetricsRecorder { return nil }

func (s *sub) Connect() {
	s.channel.mu.Lock()
	defer s.channel.mu.Unlock()
	s.connects++
}

func (s *sub) Shutdown() {
	s.channel.mu.Lock()
	defer s.channel.mu.Unlock()
	s.shutdown++
}

func (s *sub) RegisterHealthListener(f func(balancer.SubConnState)) {
	s.channel.mu.Lock()
	defer s.channel.mu.Unlock()
	s.health = f
}

// conn returns the newest connection to an address.
func (c *channel) conn(addr string) *sub {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.conns[addr]
	if s == nil {
		c.t.Fatalf("there is no connection to %s", addr)
	}
	return s
}

// open returns the addresses of the connections that are not shut down.
func (c *channel) open() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	open := make(map[string]bool)
	for _, s := range c.all {
		if s.shutdown == 0 {
			open[s.addr] = true
		}
	}
	return slices.Sorted(maps.Keys(open))
}

func (c *channel) last() (balancer.State, int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state, c.count
}

// set gives connections a state. Those that become ready are healthy.
func (c *channel) set(state connectivity.State, addrs ...string) {
	c.t.Helper()
	for _, addr := range addrs {
		c.setState(state, addr)
		if state == connectivity.Ready {
			c.setHealth(state, addr)
		}
	}
}

// setState gives connections a state. The health of those that become ready is not known.
func (c *channel) setState(state connectivity.State, addrs ...string) {
	c.t.Helper()
	for _, addr := range addrs {
		s := c.conn(addr)
		event := balancer.SubConnState{ConnectivityState: state}
		if state == connectivity.TransientFailure {
			event.ConnectionError = fmt.Errorf("%s is away", addr)
		}
		c.mu.Lock()
		s.state, s.health = state, nil // grpc drops the listener when the state changes
		c.mu.Unlock()
		s.listener(event)
	}
}

// setHealth gives connections a health, if the balancer listens.
func (c *channel) setHealth(state connectivity.State, addrs ...string) {
	c.t.Helper()
	for _, addr := range addrs {
		s := c.conn(addr)
		c.mu.Lock()
		s.healthy = state
		listener := s.health
		c.mu.Unlock()
		if listener != nil {
			listener(balancer.SubConnState{
				ConnectivityState: state, ConnectionError: errors.New("not serving"),
			})
		}
	}
}

// picks counts by address where n calls go. Calls that wait or fail count under their error.
func (c *channel) picks(n int) map[string]int {
	got := make(map[string]int)
	state, _ := c.last()
	for range n {
		r, err := state.Picker.Pick(balancer.PickInfo{})
		if err != nil {
			got[err.Error()]++
			continue
		}
		got[r.SubConn.(*sub).addr]++
	}
	return got
}

// want checks where n calls go.
func (c *channel) want(n int, want map[string]int) {
	c.t.Helper()
	if got := c.picks(n); !maps.Equal(got, want) {
		c.t.Errorf("picks: got %v, want %v", got, want)
	}
}

// wantGroups checks how many of n calls go to the caller's zone, and how many to others. Servers
// have names of one letter, errors are longer.
func (c *channel) wantGroups(n int, want map[string]int) {
	c.t.Helper()
	got := make(map[string]int)
	for addr, calls := range c.picks(n) {
		switch {
		case len(addr) > 1:
			got[addr] += calls
		case slices.Contains(c.here, addr):
			got["local"] += calls
		default:
			got["other"] += calls
		}
	}
	if !maps.Equal(got, want) {
		c.t.Errorf("picks: got %v, want %v", got, want)
	}
}

// state returns what the resolver states: servers by zone. The addresses of a server are separated
// by a plus sign.
func state(t *testing.T, zones map[string][]string, child string) balancer.ClientConnState {
	t.Helper()
	c, err := parse([]byte(`{"zone": "here", "childPolicy": [{"absent": {}}, {"` + child + `": {}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	var s resolver.State
	for _, zone := range slices.Sorted(maps.Keys(zones)) {
		for _, addr := range zones[zone] {
			e := endpoint.WithZone(endpoint.New(strings.Split(addr, "+")...), zone)
			s.Endpoints = append(s.Endpoints, e)
			s.Addresses = append(s.Addresses, e.Addresses...)
		}
	}
	return balancer.ClientConnState{ResolverState: s, BalancerConfig: c}
}

// start builds a balancer of servers by zone.
func start(t *testing.T, zones map[string][]string, child string) *channel {
	t.Helper()
	c := newChannel(t)
	if err := c.update(zones, child); err != nil {
		t.Fatal(err)
	}
	return c
}

// update gives the balancer servers by zone.
func (c *channel) update(zones map[string][]string, child string) error {
	c.t.Helper()
	c.here = strings.Split(strings.Join(zones["here"], "+"), "+")
	return c.b.UpdateClientConnState(state(c.t, zones, child))
}
