package samezone

import (
	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/resolver"
)

// subConn is a connection to a server of a group, with the states that it reports to the child:
// those of the connection, and of the server's health if the child watches it.
type subConn struct {
	balancer.SubConn

	group *group

	// Guarded by the mutex of the balancer.
	addrs   []resolver.Address
	state   connectivity.State
	watched bool               // the child watches the health
	health  connectivity.State // valid while watched
}

// change changes the connection and what the group counts of it. It reports whether the child must
// handle the change: it does not once it is closed.
func (c *subConn) change(do func()) bool {
	g := c.group
	g.b.mu.Lock()
	defer g.b.mu.Unlock()
	if g.conns[c] {
		g.countLocked(c, -1)
	}
	do()
	if g.conns[c] {
		g.countLocked(c, 1)
	}
	return !g.closed
}

// setState sets the state of the connection, like change.
func (c *subConn) setState(s connectivity.State) bool {
	return c.change(func() {
		c.state, c.watched = s, false // grpc stops watching the health of a connection that changes
		if s == connectivity.Shutdown {
			delete(c.group.conns, c)
		}
	})
}

// isReadyLocked reports whether the server may receive calls.
func (c *subConn) isReadyLocked() bool {
	return c.state == connectivity.Ready && (!c.watched || c.health == connectivity.Ready)
}

// RegisterHealthListener watches the health for the child: that of the health service, and what
// the parent policy thinks of the server, for example that it is an outlier.
func (c *subConn) RegisterHealthListener(listener func(balancer.SubConnState)) {
	c.setHealth(listener != nil, connectivity.Connecting)
	if listener == nil {
		c.SubConn.RegisterHealthListener(nil)
		return
	}
	c.SubConn.RegisterHealthListener(func(s balancer.SubConnState) {
		if c.setHealth(true, s.ConnectivityState) {
			listener(s)
			c.group.b.settle()
		}
	})
}

// setHealth sets the health of the server, like change.
func (c *subConn) setHealth(watched bool, s connectivity.State) bool {
	return c.change(func() { c.watched, c.health = watched, s })
}

// Shutdown removes the server from the shares at once: grpc reports the state later.
func (c *subConn) Shutdown() {
	c.change(func() { delete(c.group.conns, c) })
	c.SubConn.Shutdown()
}

// UpdateAddresses keeps the addresses for the shares.
func (c *subConn) UpdateAddresses(addrs []resolver.Address) {
	c.change(func() { c.addrs = addrs })
	//lint:ignore SA1019 policies may still use it
	c.SubConn.UpdateAddresses(addrs)
}
