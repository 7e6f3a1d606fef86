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
	state   balancer.State     // of the child
	servers map[string]*server // by address; a server may have several
	conns   map[*subConn]bool  // those that are not shut down
	closed  bool

	// The servers to which the child has connections, and those of them that are ready. Policies
	// such as pick_first do not connect to all servers: the rest are not failures.
	used, ready int
}

// server counts its connections.
type server struct{ conns, ready int }

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
	servers := make(map[string]*server)
	for _, e := range s.ResolverState.Endpoints {
		of := new(server)
		for _, a := range e.Addresses {
			servers[a.Addr] = of
		}
	}
	g.b.mu.Lock()
	g.servers, g.used, g.ready = servers, 0, 0
	for c := range g.conns {
		g.countLocked(c, 1)
	}
	g.b.mu.Unlock()
	return g.child.UpdateClientConnState(s)
}

// countLocked counts a connection n times more.
func (g *group) countLocked(c *subConn, n int) {
	for _, a := range c.addrs {
		s := g.servers[a.Addr]
		if s == nil {
			continue
		}
		g.used -= min(s.conns, 1)
		g.ready -= min(s.ready, 1)
		s.conns += n
		if c.isReadyLocked() {
			s.ready += n
		}
		g.used += min(s.conns, 1)
		g.ready += min(s.ready, 1)
	}
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
		g.countLocked(c, 1)
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
