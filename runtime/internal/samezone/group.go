package samezone

import (
	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/balancer/base"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/resolver"
)

// group is the servers of the caller's zone, or all others. To the child policy, it is the
// connection of grpc.
type group struct {
	balancer.ClientConn // of the zoneBalancer

	b      *zoneBalancer
	policy string // name of the child policy
	child  balancer.Balancer

	// Guarded by the mutex of b.
	state   balancer.State    // of the child
	servers map[string]int    // address to index of its server; a server may have several
	count   int               // of servers
	conns   map[*subConn]bool // those that are not shut down
	closed  bool
}

// newGroup returns a group that child balances. It connects as soon as it gets servers.
func newGroup(b *zoneBalancer, child balancer.Builder) *group {
	g := &group{
		ClientConn: b.cc,
		b:          b,
		policy:     child.Name(),
		state: balancer.State{
			ConnectivityState: connectivity.Connecting,
			Picker:            base.NewErrPicker(balancer.ErrNoSubConnAvailable),
		},
		conns: make(map[*subConn]bool),
	}
	g.child = child.Build(g, b.opts)
	return g
}

func (g *group) update(s balancer.ClientConnState) error {
	servers := make(map[string]int)
	for i, e := range s.ResolverState.Endpoints {
		for _, a := range e.Addresses {
			servers[a.Addr] = i
		}
	}
	g.b.mu.Lock()
	g.servers, g.count = servers, len(s.ResolverState.Endpoints)
	g.b.mu.Unlock()
	return g.child.UpdateClientConnState(s)
}

// close closes the child and all connections: policies need not shut down theirs. Calls on them
// finish.
func (g *group) close() {
	g.child.Close()
	g.b.mu.Lock()
	g.closed = true
	conns := g.conns
	g.conns = nil
	g.b.mu.Unlock()
	for c := range conns {
		c.SubConn.Shutdown()
	}
}

// stateLocked returns the state of the child; a group without servers is shut down.
func (g *group) stateLocked() connectivity.State {
	if g == nil {
		return connectivity.Shutdown
	}
	return g.state.ConnectivityState
}

func (g *group) isIdle() bool {
	g.b.mu.Lock()
	defer g.b.mu.Unlock()
	return g.state.ConnectivityState == connectivity.Idle && !g.closed
}

// UpdateState implements balancer.ClientConn: the child has a new state and picker.
func (g *group) UpdateState(s balancer.State) {
	g.b.mu.Lock()
	defer g.b.mu.Unlock()
	g.state = s
	g.b.publishLocked()
}

// NewSubConn implements balancer.ClientConn. The connection reports its states to the group
// before the child handles them.
func (g *group) NewSubConn(
	addrs []resolver.Address, opts balancer.NewSubConnOptions,
) (balancer.SubConn, error) {
	c := &subConn{group: g, addrs: addrs}
	listener := opts.StateListener
	if listener == nil {
		listener = func(s balancer.SubConnState) {
			//lint:ignore SA1019 policies may still use it
			g.child.UpdateSubConnState(c, s)
		}
	}
	opts.StateListener = func(s balancer.SubConnState) {
		if c.setState(s.ConnectivityState) {
			listener(s)
			g.b.settle()
		}
	}
	//lint:ignore SA1019 deprecated are several addresses only
	inner, err := g.ClientConn.NewSubConn(addrs, opts)
	if err != nil {
		return nil, err
	}
	c.SubConn = inner
	g.b.mu.Lock()
	defer g.b.mu.Unlock()
	if !g.closed {
		g.conns[c] = true
	}
	return c, nil
}

// RemoveSubConn implements balancer.ClientConn, for policies older than SubConn.Shutdown.
func (g *group) RemoveSubConn(sc balancer.SubConn) { sc.Shutdown() }

// UpdateAddresses implements balancer.ClientConn, for policies with several addresses in a
// connection.
func (g *group) UpdateAddresses(sc balancer.SubConn, addrs []resolver.Address) {
	//lint:ignore SA1019 policies may still use it
	sc.UpdateAddresses(addrs)
}

// readyLocked counts the servers to which the child has connections, and those of them that are
// ready. Policies such as pick_first do not connect to all servers: the rest are not failures.
func (g *group) readyLocked() (ready, used int) {
	const isUsed, isReady = 1, 2
	servers := make([]byte, g.count)
	for c := range g.conns {
		for _, a := range c.addrs {
			i, ok := g.servers[a.Addr]
			if !ok {
				continue
			}
			servers[i] |= isUsed
			if c.isReadyLocked() {
				servers[i] |= isReady
			}
		}
	}
	for _, s := range servers {
		used += int(s & isUsed)
		ready += int(s&isReady) / isReady
	}
	return ready, used
}
