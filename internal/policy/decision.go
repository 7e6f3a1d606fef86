package policy

import (
	"fmt"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/internal/pattern"
	grpcservicev1 "github.com/grpcservice/grpcservice/proto/grpcservice/v1"
	"github.com/grpcservice/grpcservice/runtime/policy"
)

// Decision holds the rules of a method and where they come from.
type Decision struct {
	Policy   policy.Policy
	Rules    []Rule
	Unused   []Rule // set somewhere, without effect
	Found    pattern.Result
	Patterns []Pattern // the patterns found, for the report
}

// explain lists the rules of a decision for a method whose sources merge into the policy merged.
func (d *Decision) explain(
	method protoreflect.MethodDescriptor, facts policy.Method, merged *grpcservicev1.Policy,
	sources []source,
) {
	if facts.Idempotency != policy.IdempotencyUnknown {
		level := map[policy.Idempotency]string{policy.NoSideEffects: "NO_SIDE_EFFECTS", policy.Idempotent: "IDEMPOTENT"}[facts.Idempotency]
		d.Rules = append(d.Rules, Rule{Field: "idempotency", Value: level, Source: "idempotency_level"})
	}
	d.Rules = append(d.Rules, standardOf(method)...)
	winners := make(map[string]source)
	for _, set := range leavesOf(merged) {
		winner := lastToSet(sources, set.field)
		winners[set.field] = winner
		d.Rules = append(d.Rules, winner.rule(set))
	}
	for _, unset := range facts.Defaults(d.Policy, merged) {
		d.Rules = append(d.Rules, Rule{Field: unset.Field, Value: unset.Value, Source: SourceDefault})
	}
	if facts.HasRules {
		d.Rules = append(d.Rules, Rule{
			Field: "validate", Value: d.Policy.Validate, Source: "request message", Place: string(method.Input().FullName()),
		})
	}
	d.Unused = unusedOf(sources, merged, winners, func(field string) bool {
		return !policy.IsOfService(field)
	})
}

// unusedOf returns the rules that sources set without effect, of the fields that isOf selects.
func unusedOf(
	sources []source, merged *grpcservicev1.Policy, winners map[string]source,
	isOf func(field string) bool,
) (rules []Rule) {
	for i, s := range sources {
		for _, set := range leavesOf(s.policy) {
			if !isOf(set.field) {
				continue
			}
			if why := unused(set.field, sources[i+1:], merged, winners); why != "" {
				rule := s.rule(set)
				rule.Why = why
				rules = append(rules, rule)
			}
		}
	}
	return rules
}

// unused returns why a field that a source sets has no effect, or "". The later sources override
// that source.
func unused(field string, later []source, merged *grpcservicev1.Policy, winners map[string]source) string {
	switch {
	case !policy.Sets(merged, field):
		return "it does not fit the method, or an overriding rule removes it"
	case anySets(later, field):
		return fmt.Sprintf("%s overrides it", winners[field].place(field))
	default:
		return ""
	}
}

func anySets(sources []source, field string) bool {
	for _, s := range sources {
		if policy.Sets(s.policy, field) {
			return true
		}
	}
	return false
}

func (s source) rule(set leaf) Rule {
	return Rule{Field: set.field, Value: set.value, Source: s.kind, Place: s.place(set.field).String(), Pattern: s.pattern}
}
