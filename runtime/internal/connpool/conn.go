package connpool

import (
	"sync/atomic"
	"time"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/resolver"
)

// assumedLimit is how many streams a connection is assumed to have if its SETTINGS cannot be read:
// the least that RFC 9113 recommends.
const assumedLimit = 100

// conn is one connection to a server, which grpc opens again after it was lost.
type conn struct {
	server *server
	sc     balancer.SubConn
	limit  atomic.Uint32 // of concurrent calls, for the next load

	// Guarded by pool.mu.
	load   *load              // new whenever the connection becomes READY
	state  connectivity.State // that grpc reported
	health connectivity.State // READY, unless the child checks health
	gone   bool               // no longer one of server.conns
	seen   uint64             // usage at the last look of closeIdle
	since  time.Time          // when seen was first seen
}

// usable reports whether the connection takes calls. pool.mu is held.
func (c *conn) usable() bool {
	return c.state == connectivity.Ready && c.health == connectivity.Ready
}

// opening reports whether the connection may become usable by itself, or be opened again after a
// backoff. pool.mu is held.
func (c *conn) opening() bool {
	return c.state == connectivity.Connecting || c.state == connectivity.TransientFailure ||
		c.state == connectivity.Ready && c.health == connectivity.Connecting
}

// connKey is the key of the *conn among the attributes of an address.
type connKey struct{}

// mark returns addresses that lead a handshake to c.
func mark(addrs []resolver.Address, c *conn) []resolver.Address {
	marked := make([]resolver.Address, len(addrs))
	for i, addr := range addrs {
		addr.Attributes = addr.Attributes.WithValue(connKey{}, c)
		marked[i] = addr
	}
	return marked
}

// setLimit sets the limit from the SETTINGS of the server.
func (c *conn) setLimit(streams uint32) {
	c.limit.Store(min(max(streams, c.server.reserved+1)-c.server.reserved, closedUsage-1))
}
