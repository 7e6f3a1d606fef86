package client

import "strings"

// isXDS reports whether a control plane of xDS decides how calls to target are distributed.
func isXDS(target string) bool { return strings.HasPrefix(strings.ToLower(target), "xds:") }

// checkXDS fails for options that have no effect on a target of xDS, whose service config replaces
// that of the connection.
func (c *settings) checkXDS(target string) {
	if !isXDS(target) {
		return
	}
	const without = "%s: the control plane decides on it for a target of xDS; drop the option"
	if c.balancer.name != "" {
		c.fail(without, "WithBalancer")
	}
	if c.connections > 1 {
		c.fail(without, "WithConnections")
	}
	if c.health {
		c.fail(without, "WithHealthChecks")
	}
}
