package client

import "github.com/grpcservice/grpcservice/runtime/policy"

// WithConnections lets the connection open up to n connections of HTTP/2 to each server, 1 to 64,
// instead of one. It overrides the policies of services ([WithServiceConfig]). Servers limit the
// concurrent streams of each connection (package server: 250), and calls beyond the limit wait
// without an error until another call finishes.
func WithConnections(n int) Option {
	return func(c *settings) {
		if n < 1 || n > policy.MaxConnections {
			c.fail("WithConnections(%d): pass 1 to %d", n, policy.MaxConnections)
			return
		}
		c.connections = n
	}
}
