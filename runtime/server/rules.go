package server

import (
	"slices"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/overrides"
	"github.com/grpcservice/grpcservice/runtime/policy"
)

// listing are the rules of a method, as long as they are valid.
type listing struct {
	policy *effective
	edits  int // of the configuration
	rules  []Rule
}

// rules returns the options of the policy in effect.
func (m *method) rules() []Rule {
	now := &listing{policy: m.policy.Load(), edits: m.overrides.Edits()}
	l := m.listing.Load()
	if l == nil || l.policy != now.policy || l.edits != now.edits {
		now.rules = m.rulesOf(now.policy.info.Policy)
		m.listing.Store(now)
		l = now
	}
	return slices.Clone(l.rules)
}

// rulesOf returns the options of a policy of the method.
func (m *method) rulesOf(p runtime.Policy) (rules []Rule) {
	o := m.originsOf()
	if rule, ok := m.defaultTimeout(p); ok {
		rules = append(rules, rule)
	}
	for _, option := range optionsIn(o.table, p) {
		rule := Rule{Option: option.Option, Value: option.Text, Origin: o.of(option.Option)}
		switch {
		case rule.Value == "" && rule.Origin < OriginServer: // another option excludes it
		case rule.Origin == OriginDefault && rule.Value == "false":
		case rule.Option == "validation.skip" && !o.isSet(rule.Option): // requests without rules
		default:
			rules = append(rules, rule)
		}
	}
	return rules
}

// defaultTimeout returns the rule of a unary method whose policy has no timeout.
func (m *method) defaultTimeout(p runtime.Policy) (Rule, bool) {
	if p.Timeout != 0 || m.timeout <= 0 || m.info.Kind != runtime.KindUnary {
		return Rule{}, false
	}
	rule := Rule{Option: "timeout.default", Value: m.timeout.String()}
	if m.timeout != DefaultTimeout {
		rule.Origin = OriginServer
	}
	return rule, true
}

// optionsIn returns the options that one of two policies sets, with their values in the second one.
func optionsIn(table, now runtime.Policy) []policy.Value {
	values := policy.Values(now)
	for _, was := range policy.Values(table) {
		if !slices.ContainsFunc(values, func(v policy.Value) bool { return v.Option == was.Option }) {
			values = append(values, policy.Value{Option: was.Option})
		}
	}
	return values
}

// origins are what can set the options of a method.
type origins struct {
	method   policy.Method
	layers   []policy.Layer // the options in the proto, then the configuration of the server
	from     []Origin       // of each layer
	table    runtime.Policy
	stated   map[string]string // the options of the table
	declared map[string]string // the options that follow from the proto
	builtin  bool
}

// originsOf returns what can set the options of the method.
func (m *method) originsOf() *origins {
	info := m.info
	info.Policy = m.table
	o := &origins{method: overrides.MethodOf(info), table: m.table, builtin: isBuiltin(info.Service)}
	o.method.HasRules, o.method.Patterns = true, policy.PatternsOf(m.table)
	o.stated = textsOf(m.table)
	if info.Descriptor != nil {
		service, own := optionsOf(info.Descriptor)
		o.add(OriginService, policy.Layer{Policy: service, Wide: true})
		o.add(OriginMethod, policy.Layer{Policy: own})
		if declared, faults := policy.Of(o.method, service, own); len(faults) == 0 {
			o.declared = textsOf(declared)
		}
	}
	over := m.overrides.LayersOf(info)
	o.add(OriginServer, over.Fixed...)
	o.add(OriginFile, over.File...)
	return o
}

// add adds layers over the others.
func (o *origins) add(from Origin, layers ...policy.Layer) {
	for _, layer := range layers {
		o.layers, o.from = append(o.layers, layer), append(o.from, from)
	}
}

// isSet reports whether the proto or the configuration sets an option.
func (o *origins) isSet(option string) bool { return o.method.LastToSet(o.layers, option) >= 0 }

// of returns what sets an option.
func (o *origins) of(option string) Origin {
	origin := OriginDefault
	if i := o.method.LastToSet(o.layers, option); i >= 0 {
		origin = o.from[i]
	}
	if origin < OriginServer && !o.builtin && o.stated[option] != o.declared[option] {
		return OriginTable
	}
	return origin
}

// textsOf returns the options of a policy by their paths.
func textsOf(p runtime.Policy) map[string]string {
	texts := make(map[string]string)
	for _, v := range policy.Values(p) {
		texts[v.Option] = v.Text
	}
	return texts
}

// status returns the state of the method.
func (m *method) status() MethodStatus {
	s := m.figures()
	s.Rules, s.Refusing = m.rules(), m.refusing(m.policy.Load())
	return s
}
