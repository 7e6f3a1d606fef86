package policy

import (
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/runtime/policy"
)

// Balancing is how clients distribute the calls of a service, and where that is set.
type Balancing struct {
	Balancing policy.Balancing
	Rules     []Rule
	Unused    []Rule // set somewhere, without effect
}

// Balancing returns the balancing of a service without problems: by its options, and by the rules
// of the policy file that are for the whole service.
func (p *Policies) Balancing(service protoreflect.ServiceDescriptor) (b Balancing) {
	said, _ := p.options.ofService(service) // Service reports the problems
	sources := append([]source{said}, p.file.sources(service.FullName(), "")...)
	if isSilent(sources) {
		return b
	}
	merged := policy.MergeService(layersOf(sources))
	b.Balancing = policy.BalancingOf(merged)
	winners := make(map[string]source)
	for _, set := range leavesOf(merged) {
		winner := lastToSet(sources, set.field)
		winners[set.field] = winner
		b.Rules = append(b.Rules, winner.rule(set))
	}
	b.Unused = unusedOf(sources, merged, winners, policy.IsOfService)
	return b
}
