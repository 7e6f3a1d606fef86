package main

import (
	"encoding/json"
	"fmt"
	"slices"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/connectivity"
	estats "google.golang.org/grpc/experimental/stats"
	"google.golang.org/grpc/resolver"
)

// picksPerCall is how many picks a block has for each call at the handler: they are that short.
const picksPerCall = 100

// measurePicks compares picks without a network.
func measurePicks(o options) error {
	base, err := pickBlock(roundRobin, o.direct*picksPerCall)
	if err != nil {
		return err
	}
	for _, b := range balancings {
		if b.policy.Name() == "" {
			continue
		}
		other, err := pickBlock(b, o.direct*picksPerCall)
		if err != nil {
			return err
		}
		what := fmt.Sprintf("pick, %d servers", localServers)
		if err := compare(what, b.name, o.pairs, o.direct*picksPerCall, base, other); err != nil {
			return err
		}
	}
	return nil
}

// pickBlock makes n picks.
func pickBlock(b balancing, n int) (block, error) {
	picker, err := pickerOf(b)
	if err != nil {
		return nil, err
	}
	return ownBlock(func() error {
		for range n {
			r, err := picker.Pick(balancer.PickInfo{FullMethodName: "/a.B/C"})
			if err != nil {
				return err
			}
			if r.Done != nil {
				r.Done(balancer.DoneInfo{})
			}
		}
		return nil
	}), nil
}

// pickerOf returns the picker of a balancer that believes its servers to be connected.
func pickerOf(b balancing) (balancer.Picker, error) {
	text, err := json.Marshal(b.policy)
	if err != nil {
		return nil, err
	}
	var entry map[string]json.RawMessage
	if err := json.Unmarshal(text, &entry); err != nil {
		return nil, err
	}
	addrs := []string{"a", "b", "c", "far"}[:localServers+b.far]
	state := balancer.ClientConnState{ResolverState: resolver.State{Endpoints: endpoints(addrs)}}
	builder := balancer.Get(b.policy.Name())
	if parser, ok := builder.(balancer.ConfigParser); ok {
		if state.BalancerConfig, err = parser.ParseConfig(entry[b.policy.Name()]); err != nil {
			return nil, err
		}
	}
	c := new(fakeChannel)
	lb := builder.Build(c, balancer.BuildOptions{})
	if err := lb.UpdateClientConnState(state); err != nil {
		return nil, err
	}
	for _, conn := range c.conns {
		if !slices.Contains(addrs[b.ready:localServers], conn.addr) {
			conn.becomeReady()
		}
	}
	return c.picker, nil
}

// fakeChannel stands for grpc: it keeps the connections and the last picker of a balancer.
type fakeChannel struct {
	balancer.ClientConn // nil: other methods are not called
	conns               []*fakeConn
	picker              balancer.Picker
}

// fakeConn is a connection of a fakeChannel.
type fakeConn struct {
	balancer.SubConn // nil: other methods are not called
	addr             string
	listener         func(balancer.SubConnState)
	health           func(balancer.SubConnState)
}

func (c *fakeChannel) NewSubConn(
	addrs []resolver.Address, opts balancer.NewSubConnOptions,
) (balancer.SubConn, error) {
	conn := &fakeConn{addr: addrs[0].Addr, listener: opts.StateListener}
	c.conns = append(c.conns, conn)
	return conn, nil
}

func (c *fakeChannel) UpdateState(s balancer.State)            { c.picker = s.Picker }
func (c *fakeChannel) MetricsRecorder() estats.MetricsRecorder { return nil }

func (c *fakeConn) Connect()  {}
func (c *fakeConn) Shutdown() {}

func (c *fakeConn) RegisterHealthListener(f func(balancer.SubConnState)) { c.health = f }

// becomeReady reports the states up to that of a healthy server.
func (c *fakeConn) becomeReady() {
	c.listener(balancer.SubConnState{ConnectivityState: connectivity.Connecting})
	c.listener(balancer.SubConnState{ConnectivityState: connectivity.Ready})
	c.health(balancer.SubConnState{ConnectivityState: connectivity.Ready})
}
