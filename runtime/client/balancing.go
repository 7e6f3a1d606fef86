package client

import (
	"cmp"

	"github.com/grpcservice/grpcservice/runtime/policy"
)

// balancing returns how the policies of the services distribute calls, and sets the connections to
// each server. Options take precedence: a balancer of theirs is not in the result. The settings fail
// if two services disagree and no option decides.
func (c *settings) balancing() policy.Balancing {
	b, disagreements := c.balancings.Join()
	for _, d := range disagreements {
		switch {
		case d.Field == "policy" && c.balancer.name == "":
			c.fail("WithServiceConfig: %w; decide with WithBalancer, or dial a connection for each", d)
		case d.Field == "connections" && c.connections == 0:
			c.fail("WithServiceConfig: %w; decide with WithConnections, or dial a connection for each", d)
		}
	}
	c.connections = cmp.Or(c.connections, b.Connections)
	b.Connections = c.connections
	return b
}
