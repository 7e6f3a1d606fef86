// Package samezone keeps calls in the caller's zone while enough of its servers are ready, and
// sends the missing share to other zones. It is a load balancing policy of grpc.
package samezone

import (
	"encoding/json"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/serviceconfig"
)

// Name is the name of the policy in a service config.
const Name = "grpcservice_same_zone"

// init registers the policy. The project has no init otherwise, but grpc finds policies by name
// in a map without a lock, which only init may write (see balancer.Register).
func init() {
	balancer.Register(builder{})
}

// builder is the registered policy.
type builder struct{}

func (builder) Name() string { return Name }

func (builder) ParseConfig(js json.RawMessage) (serviceconfig.LoadBalancingConfig, error) {
	return parse(js)
}

func (builder) Build(cc balancer.ClientConn, opts balancer.BuildOptions) balancer.Balancer {
	return &zoneBalancer{cc: cc, opts: opts, isLocal: true}
}
