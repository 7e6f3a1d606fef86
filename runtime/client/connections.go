package client

import (
	"encoding/json"

	"google.golang.org/grpc/credentials"

	"github.com/grpcservice/grpcservice/runtime/internal/connpool"
	"github.com/grpcservice/grpcservice/runtime/policy"
)

// WithConnections allows up to n connections to each server, from 1, the default, to 64. It is for
// clients with more concurrent calls than a server grants to one connection: package server grants
// 250, and other servers often 100. Calls beyond the limit of a connection wait, without an error or
// a log record, until another call finishes.
//
// The client reads the limit from the SETTINGS of each connection. When less than a tenth of the
// streams of a server are left, it opens the next connection; calls use the existing ones until it
// is ready, and keep using them if it fails. A server without room is skipped if the balancer
// knows another one with room. Once all n connections of all servers are full, calls wait as they
// do by default.
//
// Connections are filled in order, so that further ones become idle: after a minute without a call,
// they are closed. A connection that the server closes, for example at its maximum age, is replaced
// when it is needed; its calls finish.
//
// If [WithDialOptions] replaces the transport credentials, the limit cannot be read and is assumed
// to be 100. The option overrides the policies of services ([WithServiceConfig]); a service config
// from a resolver, such as that of xDS, replaces it.
func WithConnections(n int) Option {
	return func(c *settings) {
		if n < 1 || n > policy.MaxConnections {
			c.fail("WithConnections(%d): pass 1 to %d", n, policy.MaxConnections)
			return
		}
		c.connections = n
	}
}

// pooled makes the balancer of config open several connections to each server.
func (c *settings) pooled(config *policy.ServiceConfig) *policy.ServiceConfig {
	if c.connections > 1 {
		config.LoadBalancing = []json.Marshaler{NewBalancer(connpool.Name, connpool.Config{
			Connections: c.connections, HealthChecks: c.health, ChildPolicy: config.LoadBalancing,
		})}
	}
	return config
}

// pooledCredentials makes creds tell the balancer the limits of connections.
func (c *settings) pooledCredentials(
	creds credentials.TransportCredentials,
) credentials.TransportCredentials {
	if c.connections > 1 {
		return connpool.Credentials(creds)
	}
	return creds
}
