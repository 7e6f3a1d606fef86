package pattern

import (
	"fmt"
	"slices"

	"google.golang.org/protobuf/reflect/protoreflect"

	grpcservicev1 "github.com/grpcservice/grpcservice/proto/grpcservice/v1"
)

// Detect returns the patterns that a method has. The policy said, which may be nil, disables a
// pattern with off, and names fields that override detected ones; Detect ignores its limits,
// whether or not the method has the pattern. find looks up the messages that options name, and
// returns nil for unknown ones. policyOf returns the policy of another method of the service; both
// functions may be nil.
func Detect(patterns []Pattern, method protoreflect.MethodDescriptor, said *grpcservicev1.Policy,
	find func(protoreflect.FullName) protoreflect.MessageDescriptor,
	policyOf func(protoreflect.MethodDescriptor) *grpcservicev1.Policy) Result {
	m := &Method{Desc: method, In: method.Input(), Out: method.Output(), Policy: said, find: find, policyOf: policyOf}
	m.rejectOthers(patterns)
	beside, alone := make([]*Pattern, 0, len(patterns)), make([]*Pattern, 0, len(patterns))
	for i := range patterns {
		switch p := &patterns[i]; {
		case !p.Kinds.have(method) || m.isOff(p.Option):
		case p.Beside:
			beside = append(beside, p)
		default:
			alone = append(alone, p)
		}
	}
	besides := m.detectAll(beside)
	last := m.takeFindings() // the report lists them last
	matches := append(m.detectFirst(m.order(alone)), besides...)
	m.findings = append(m.findings, last...)
	for i := range matches {
		matches[i].Finding, _ = Result{Findings: m.findings}.Find(matches[i].Pattern.Name)
	}
	return Result{Matches: matches, Findings: m.findings, Problems: m.problems, Limits: m.limits}
}

// detectAll returns the patterns that the method has.
func (m *Method) detectAll(patterns []*Pattern) (matches []Match) {
	for _, p := range patterns {
		if found := p.Detect(m); found != nil {
			matches = append(matches, Match{Pattern: *p, Found: found})
		}
	}
	return matches
}

// detectFirst returns the first pattern that the method has.
func (m *Method) detectFirst(patterns []*Pattern) []Match {
	for _, p := range patterns {
		if found := p.Detect(m); found != nil {
			return []Match{{Pattern: *p, Found: found}}
		}
	}
	return nil
}

// order returns the patterns by precedence: first those whose fields the policy names, then the
// rest, each group in the order of the table.
func (m *Method) order(patterns []*Pattern) []*Pattern {
	if m.Policy == nil {
		return patterns
	}
	named := make(map[string]bool)
	var first *Pattern
	for _, p := range patterns {
		field := m.FirstNamed(*p)
		if p.Shown == "" || field == "" {
			continue
		}
		if len(named) == 0 {
			first = p
		} else {
			m.Problem(field, fmt.Sprintf("%s also names a field, and a method is either %s or %s; remove one of them", m.FirstNamed(*first), first.Is, p.Is))
		}
		named[p.Name] = true
	}
	ordered := slices.Clone(patterns)
	slices.SortStableFunc(ordered, func(a, b *Pattern) int {
		rank := func(p *Pattern) int {
			if named[p.Name] || named[p.Inner] {
				return 0
			}
			return 1
		}
		return rank(a) - rank(b)
	})
	return ordered
}

// rejectOthers reports fields that the policy names for patterns of other kinds of methods.
func (m *Method) rejectOthers(patterns []Pattern) {
	if m.Policy == nil {
		return
	}
	for _, p := range patterns {
		if field := m.FirstNamed(p); field != "" && !p.Kinds.have(m.Desc) {
			m.Problem(field, fmt.Sprintf("it names a field of a method %s; remove it", p.Kinds.others(m.Desc)))
		}
	}
}
