package client

import (
	"cmp"

	"github.com/grpcservice/grpcservice/runtime/policy"
)

// balancing returns how the policies of the services distribute calls. It sets the connections to
// each server, and the balancer of the zone. Options take precedence: a balancer of theirs is not
// in the result. The settings fail if two services disagree and no option decides.
func (c *settings) balancing() policy.Balancing {
	const dialEach = "or dial a connection for each"
	b, disagreements := c.balancings.Join()
	for _, d := range disagreements {
		switch {
		case d.Field == "policy" && c.balancer.name == "":
			c.fail("WithServiceConfig: %w; decide with WithBalancer, "+dialEach, d)
		case d.Field == "connections" && c.connections == 0:
			c.fail("WithServiceConfig: %w; decide with WithConnections, "+dialEach, d)
		}
	}
	c.connections = cmp.Or(c.connections, b.Connections)
	b.Connections = c.connections
	if c.balancer.name != "" {
		c.checkHealth(c.balancer)
		return b
	}
	c.checkHealth(balancerOf(b.Policy))
	if b.SameZone && c.zone != "" {
		c.balancer = SameZone(c.zone, balancerOf(b.Policy))
	}
	return b
}

// balancerOf returns the balancer for the policy of services.
func balancerOf(p policy.BalancingPolicy) Balancer {
	switch p {
	case policy.PickFirst:
		return PickFirst()
	case policy.LeastRequest:
		return LeastRequest()
	default:
		return RoundRobin()
	}
}

// WithZone states the zone of this process. Calls stay in it, as with [SameZone], if the policy of
// a service on the connection has same_zone; without such a policy, it has no effect. An empty zone
// is the default: the zone is unknown, and calls go to the servers of all zones.
//
//	client.WithZone(os.Getenv("ZONE"))
func WithZone(zone string) Option {
	return func(c *settings) { c.zone = zone }
}
