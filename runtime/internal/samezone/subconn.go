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

// setState reports whether the child must handle the state: it does not once it is closed.
func (c *subConn) setState(s connectivity.State) bool {
	c.group.b.mu.Lock()
	defer c.group.b.mu.Unlock()
	c.state, c.watched = s, false // grpc stops watching the health of a connection that changes
	if s == connectivity.Shutdown {
		delete(c.group.conns, c)
	}
	return !c.group.closed
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

// setHealth reports whether the child must handle the health: it does not once it is closed.
func (c *subConn) setHealth(watched bool, s connectivity.State) bool {
	c.group.b.mu.Lock()
	defer c.group.b.mu.Unlock()
	c.watched, c.health = watched, s
	return !c.group.closed
}

// Shutdown removes the server from the shares at once: grpc reports the state later.
func (c *subConn) Shutdown() {
	c.group.b.mu.Lock()
	delete(c.group.conns, c)
	c.group.b.mu.Unlock()
	c.SubConn.Shutdown()
}

// UpdateAddresses keeps the addresses for the shares.
func (c *subConn) UpdateAddresses(addrs []resolver.Address) {
	c.group.b.mu.Lock()
	c.addrs = addrs
	c.group.b.mu.Unlock()
	//lint:ignore SA1019 policies may still use it
	c.SubConn.UpdateAddresses(addrs)
}
