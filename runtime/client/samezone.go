package client

import "github.com/grpcservice/grpcservice/runtime/internal/samezone"

// SameZone prefers the servers of one zone, the caller's, and lets child distribute calls within
// it. The resolver states the zone of each server (package endpoint).
//
// While enough of the zone's servers are ready, they receive all calls. A server is expected to
// bear 1.4 times its usual share, so 5 of 7 are enough. With fewer, the missing share goes to the
// other zones, which child balances as one group: with 2 of 4 ready, 70 of 100 calls stay in the
// zone. If no server of the zone is ready, all calls leave it. If no server of another zone is
// ready, all calls stay. Envoy computes the shares of its priorities in the same way. They are
// exact and follow each server that becomes ready or fails; no call is lost by the change.
//
// With [WithHealthChecks], and [RoundRobin] or [LeastRequest] as child, a server that is not
// SERVING does not count as ready. Neither does one that a balancer around this one ejects, such as
// outlier detection.
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
