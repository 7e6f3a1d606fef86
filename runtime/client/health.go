package client

import (
	"encoding/json"

	"google.golang.org/grpc/balancer/pickfirst"
)

// WithHealthChecks makes the connection watch the health of each server as a whole, the service
// "". Servers that are not SERVING receive no calls; servers without a health service do. A
// server that shuts down reports NOT_SERVING before it stops, so it receives no more calls from
// then on.
//
// A server that rejects the health check receives no calls either: let unauthenticated callers
// watch its health, as package server does. The check is a stream that keeps running and counts as
// one of the connection's streams. Clients ping while it runs, which grpc-go servers by
// default allow only every five minutes.
//
// [PickFirst] uses a server as long as it can be reached, healthy or not. With it, as a balancer or
// by the policy of a service, health checks are an error of [Dial].
func WithHealthChecks() Option {
	return func(c *settings) { c.health = true }
}

// checkHealth fails if the connection must check the health of servers and its balancer does not:
// grpc would not say so (grpc-go#8590).
func (c *settings) checkHealth(b Balancer) {
	if c.health && mentions(b, pickfirst.Name) {
		c.fail("WithHealthChecks: %s does not check the health of servers; "+
			"use RoundRobin or LeastRequest, or remove WithHealthChecks", pickfirst.Name)
	}
}

// mentions reports whether a balancer is the one with a name, or has it as a child at any depth.
func mentions(b Balancer, name string) bool {
	text, err := json.Marshal(b)
	if err != nil {
		return false // WithBalancer has reported it
	}
	var entry any
	return json.Unmarshal(text, &entry) == nil && hasKey(entry, name)
}

func hasKey(value any, key string) bool {
	switch value := value.(type) {
	case map[string]any:
		for k, v := range value {
			if k == key || hasKey(v, key) {
				return true
			}
		}
	case []any:
		for _, v := range value {
			if hasKey(v, key) {
				return true
			}
		}
	}
	return false
}
