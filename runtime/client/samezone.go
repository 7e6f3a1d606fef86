package client

import "github.com/grpcservice/grpcservice/runtime/internal/samezone"

// SameZone prefers the servers of one zone, the caller's, and lets child distribute calls within
// it. The resolver states the zone of each server (package endpoint).
//
// While enough of the zone's servers are ready, they receive all calls. A server is expected to
// bear 1.4 times its usual share, so 5 of 7 are enough. With fewer, the missing share goes to the
// other zones, which child balances as one group: with 2 of 4 ready, 70 of 100 calls stay in the
// zone. If none is ready, all calls leave it; if no server of another zone is ready, none does.
// Shares are exact and follow each server that becomes ready or fails, without lost calls: Envoy
// computes them in the same way for its priorities. Unhealthy servers count as failed if the
// connection watches health ([WithHealthChecks]) and child is [RoundRobin] or [LeastRequest].
//
// Servers without a zone belong to the other zones. Without any server in the zone, grpc's log has
// a warning, and all calls go to the other zones. The connection keeps connections to the servers
// of all zones, so that calls can move at once. A server whose zone changes is connected again.
//
// An empty zone is an error of [Dial]. To know the zone, pass it in the environment:
//
//	client.WithBalancer(client.SameZone(os.Getenv("ZONE"), client.RoundRobin()))
func SameZone(zone string, child Balancer) Balancer {
	return NewBalancer(samezone.Name, map[string]any{"zone": zone, "childPolicy": []Balancer{child}})
}
