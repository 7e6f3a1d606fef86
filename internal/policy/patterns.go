package policy

import (
	"fmt"
	"slices"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/internal/diag"
	"github.com/grpcservice/grpcservice/internal/pattern"
	grpcservicev1 "github.com/grpcservice/grpcservice/proto/grpcservice/v1"
	"github.com/grpcservice/grpcservice/runtime/policy"
)

// limitsOf returns the patterns whose limits apply to a method.
func limitsOf(found pattern.Result) (has policy.Patterns) {
	for _, match := range found.Matches {
		match.Found.Limits(&has)
	}
	return has
}

// misplaced returns the problems in what the options set for patterns: fields that they name
// wrongly, wrong limits, and limits of a pattern that the method does not have. Limits are a
// problem only if a source for this method alone sets them.
func (p *Policies) misplaced(found pattern.Result, facts policy.Method, merged *grpcservicev1.Policy, sources []source) (problems diag.List) {
	wrong := make(map[string]bool)
	for _, fault := range found.Problems {
		wrong[firstName(fault.Field)] = true
		saidBy(sources, fault.Field).report(&problems, fault)
	}
	for _, fault := range found.Limits {
		if s := lastToSet(sources, fault.Field); !s.wide {
			s.report(&problems, fault)
		}
	}
	if isSilent(sources) {
		return problems
	}
	for _, row := range p.patterns {
		name := row.Option
		if facts.Patterns.Has(name) || wrong[name] || len(setOf(merged, name)) == 0 || offIn(merged, name) {
			continue
		}
		wrong[name] = true // several rows may share an option
		if s, field := lastToSpeakOf(sources, name, found.Describes); field != "" {
			s.report(&problems, policy.Fault{Field: field, Text: adviceFor(row, found)})
		}
	}
	return problems
}

// adviceFor returns what to do if options set limits of a pattern that the method does not have.
func adviceFor(row pattern.Pattern, found pattern.Result) string {
	seen, ok := found.Find(row.Name)
	switch {
	case ok && seen.Advice != "":
		return fmt.Sprintf("the method may not be a %s (%s); set %s, or remove %s", row.What, seen.Reason, seen.Advice, row.Option)
	case row.Absent != nil:
		return row.Absent(found)
	default:
		return fmt.Sprintf("nothing in the method's messages looks like a %s; name the fields (%s), or remove %s", row.What, row.Shown, row.Option)
	}
}

func firstName(field string) string {
	for i, r := range field {
		if r == '.' || r == '[' {
			return field[:i]
		}
	}
	return field
}

// saidBy returns the source that sets a field, or else the one that sets another field of its
// pattern.
func saidBy(sources []source, field string) source {
	if s := lastToSet(sources, field); policy.Sets(s.policy, field) {
		return s
	}
	s, _ := lastToSpeakOf(sources, firstName(field), func(string) bool { return false })
	return s
}

// lastToSpeakOf returns the last source for one method alone that sets a field of a pattern, and
// that field. It skips fields that except selects.
func lastToSpeakOf(sources []source, name string, except func(field string) bool) (source, string) {
	for i := len(sources) - 1; i >= 0; i-- {
		set := slices.DeleteFunc(setOf(sources[i].policy, name), except)
		if !sources[i].wide && len(set) > 0 {
			return sources[i], set[0]
		}
	}
	return sources[0], ""
}

// setOf returns the paths of the fields that p sets for a pattern.
func setOf(p *grpcservicev1.Policy, name string) (paths []string) {
	for _, leaf := range leavesOf(p) {
		if firstName(leaf.field) == name {
			paths = append(paths, leaf.field)
		}
	}
	return paths
}

// offIn reports whether p disables a pattern.
func offIn(p *grpcservicev1.Policy, name string) bool {
	m := p.ProtoReflect()
	m = m.Get(m.Descriptor().Fields().ByName(protoreflect.Name(name))).Message()
	return m.Get(m.Descriptor().Fields().ByName("off")).Bool()
}
