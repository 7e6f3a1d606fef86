package policy

import (
	"fmt"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"

	grpcservicev1 "github.com/grpcservice/grpcservice/proto/grpcservice/v1"
)

// Balancing states how clients distribute the calls of a service over its servers. It is part of
// the table of a service, not of the [Policy] of a method. A zero field states nothing: another
// service of the connection, or else the client's default, decides.
type Balancing struct {
	// Policy states which server receives a call.
	Policy BalancingPolicy
	// Connections is the maximum number of connections of a client to each server, 1 to
	// [MaxConnections].
	Connections int
	// SameZone keeps calls in the zone of the client while it has servers with capacity.
	SameZone bool
}

// MaxConnections is the maximum of [Balancing].Connections.
const MaxConnections = 64

// BalancingPolicy states which server receives a call.
type BalancingPolicy int

const (
	// BalancingUnset leaves the choice to the client, whose default is RoundRobin.
	BalancingUnset BalancingPolicy = iota
	// PickFirst sends all calls to the first address that can be reached.
	PickFirst
	// RoundRobin lets the servers take turns.
	RoundRobin
	// LeastRequest picks, of two random servers, the one with fewer calls of the client in
	// progress.
	LeastRequest
)

// String returns the name of the constant.
func (b BalancingPolicy) String() string {
	return nameOf(int(b), "BalancingPolicy", "BalancingUnset", "PickFirst", "RoundRobin",
		"LeastRequest")
}

// Balancings are those of the services on one connection.
type Balancings []ServiceBalancing

// ServiceBalancing is the balancing of a service with its full name.
type ServiceBalancing struct {
	Service string
	Balancing
}

// Disagreement is a field in which the balancings of two services differ.
type Disagreement struct {
	Field            string // "policy" or "connections"
	Services, Values [2]string
}

// Error implements error.
func (d Disagreement) Error() string {
	const format = "the services of a connection have one balancing.%s, but %s has %s and %s has %s"
	return fmt.Sprintf(format, d.Field, d.Services[0], d.Values[0], d.Services[1], d.Values[1])
}

// Join returns the balancing of the connection: what any of the services states. Where two of them
// disagree, the first one counts.
func (all Balancings) Join() (b Balancing, disagreements []Disagreement) {
	var first struct{ policy, connections string }
	for _, s := range all {
		switch {
		case s.Policy == BalancingUnset, s.Policy == b.Policy:
		case b.Policy == BalancingUnset:
			b.Policy, first.policy = s.Policy, s.Service
		default:
			disagreements = append(disagreements, Disagreement{"policy",
				[2]string{first.policy, s.Service},
				[2]string{b.Policy.Option(), s.Policy.Option()}})
		}
		switch {
		case s.Connections == 0, s.Connections == b.Connections:
		case b.Connections == 0:
			b.Connections, first.connections = s.Connections, s.Service
		default:
			disagreements = append(disagreements, Disagreement{"connections",
				[2]string{first.connections, s.Service},
				[2]string{strconv.Itoa(b.Connections), strconv.Itoa(s.Connections)}})
		}
		b.SameZone = b.SameZone || s.SameZone
	}
	return b, disagreements
}

// Option returns the name of the value in options: "POLICY_LEAST_REQUEST".
func (b BalancingPolicy) Option() string { return balancers[b].String() }

// BalancingOf returns the balancing in options that [MergeService] returned.
func BalancingOf(said *grpcservicev1.Policy) (b Balancing) {
	decodeInto(&b, balancingOptions(), said.GetBalancing().ProtoReflect())
	return b
}

// MergeService merges what valid layers state about a service as a whole; each one overrides those
// before it.
func MergeService(layers []Layer) *grpcservicev1.Policy {
	merged := &grpcservicev1.Policy{}
	for _, layer := range layers {
		lay(merged, ofService(layer.Policy))
	}
	return merged
}

// ofService returns a copy of options with those about a service as a whole only.
func ofService(said *grpcservicev1.Policy) *grpcservicev1.Policy {
	only := &grpcservicev1.Policy{}
	proto.Merge(only, said)
	for _, r := range rules {
		if !r.isOfService {
			r.clear(only)
		}
	}
	return only
}

// IsOfService reports whether a field of the options, such as "balancing", is about a service as a
// whole, so that methods cannot have it.
func IsOfService(field string) bool {
	name, _, _ := strings.Cut(field, ".")
	return rules.of(name).isOfService
}
