package policy

import (
	"fmt"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/internal/diag"
	"github.com/grpcservice/grpcservice/internal/pattern"
	grpcservicev1 "github.com/grpcservice/grpcservice/proto/grpcservice/v1"
	"github.com/grpcservice/grpcservice/runtime/policy"
)

// patternsOf returns the patterns whose limits are rules of a method.
func patternsOf(found pattern.Result) policy.Patterns {
	has := policy.Patterns{
		Page:      found.Page != nil,
		Batch:     found.Batch != nil || found.Operation != nil && found.Operation.Children != nil,
		Operation: found.Operation != nil,
	}
	if r := found.RequestID; r != nil {
		has.IdempotencyKey = policy.IdempotencyKey{Field: r.Field.String(), UUID4: r.UUID4, Required: r.Required}
	}
	return has
}

// namesOf are the options that speak of patterns, with whether the method has each and the fields that would show it.
func namesOf(has policy.Patterns) []patternName {
	return []patternName{
		{pattern.PatternPage, has.Page, "page.items, page.token and page.next_token"},
		{pattern.PatternBatch, has.Batch, "batch.children and batch.results"},
		{pattern.PatternOperation, has.Operation, ""},
		{pattern.PatternRequestID, has.IdempotencyKey.Field != "", "idempotency_key.field"},
	}
}

type patternName struct {
	name  string
	found bool
	by    string // the options that name the fields of the pattern, or nothing where none can
}

// misplaced returns what the options say of a pattern wrongly: the problems of the fields that they name, and limits of a pattern
// that the method has not, where a place that speaks of this method alone sets them.
func misplaced(found pattern.Result, facts policy.Method, merged *grpcservicev1.Policy, sources []source) (problems diag.List) {
	wrong := make(map[string]bool)
	for _, p := range found.Problems {
		wrong[firstName(p.Field)] = true
		saidBy(sources, p.Field).report(&problems, p)
	}
	if o := merged.GetOperation(); found.Operation != nil && o.GetOnConflict() != grpcservicev1.Operation_ON_CONFLICT_UNSPECIFIED && o.GetConflictKey() == "" {
		if s := lastToSet(sources, "operation.on_conflict"); !s.wide {
			s.report(&problems, policy.Fault{Field: "operation.on_conflict", Text: "there is no conflict without conflict_key; name the request's field in it, or remove on_conflict"})
		}
	}
	for _, n := range namesOf(facts.Patterns) {
		if n.found || wrong[n.name] || len(setOf(merged, n.name)) == 0 || offIn(merged, n.name) {
			continue
		}
		if s, field := lastToSpeakOf(sources, n.name); field != "" {
			s.report(&problems, policy.Fault{Field: field, Text: n.advice(found)})
		}
	}
	return problems
}

// advice says what to do where a method has not the pattern that it has limits of.
func (n patternName) advice(found pattern.Result) string {
	seen, ok := found.Find(n.name)
	switch {
	case ok && seen.Advice != "":
		return fmt.Sprintf("the method is not surely a %s (%s); set %s, or remove %s", n.what(), seen.Reason, seen.Advice, n.name)
	case n.name == pattern.PatternRequestID:
		return "the method has no idempotency key: it only reads, or no string of its request outside of a oneof has such a name; name the field (idempotency_key.field), or remove idempotency_key"
	case n.by != "":
		return fmt.Sprintf("nothing in the method's messages looks like a %s; name the fields (%s), or remove %s", n.what(), n.by, n.name)
	case found.Getter != nil:
		return fmt.Sprintf("the method starts no operation, but gets one that there is; remove %s", n.name)
	case ok:
		return fmt.Sprintf("the method starts no operation (%s); remove %s", seen.Reason, n.name)
	default:
		return fmt.Sprintf("the method starts no operation: it does not return google.longrunning.Operation, or a message like it; remove %s", n.name)
	}
}

func (n patternName) what() string {
	if n.name == pattern.PatternRequestID {
		return "idempotency key"
	}
	return n.name
}

func firstName(field string) string {
	for i, r := range field {
		if r == '.' || r == '[' {
			return field[:i]
		}
	}
	return field
}

// saidBy returns the source that sets a field; where none does, the one that speaks of its pattern.
func saidBy(sources []source, field string) source {
	if s := lastToSet(sources, field); policy.Sets(s.policy, field) {
		return s
	}
	s, _ := lastToSpeakOf(sources, firstName(field))
	return s
}

// lastToSpeakOf returns the last source of those that speak of one method alone that sets a field of a pattern, and the field.
func lastToSpeakOf(sources []source, name string) (source, string) {
	for i := len(sources) - 1; i >= 0; i-- {
		if set := setOf(sources[i].policy, name); !sources[i].wide && len(set) > 0 {
			return sources[i], set[0]
		}
	}
	return sources[0], ""
}

// setOf returns the paths of what options say of a pattern.
func setOf(p *grpcservicev1.Policy, name string) (paths []string) {
	for _, leaf := range leavesOf(p) {
		if firstName(leaf.field) == name {
			paths = append(paths, leaf.field)
		}
	}
	return paths
}

// offIn says whether options take a pattern away.
func offIn(p *grpcservicev1.Policy, name string) bool {
	m := p.ProtoReflect()
	m = m.Get(m.Descriptor().Fields().ByName(protoreflect.Name(name))).Message()
	return m.Get(m.Descriptor().Fields().ByName("off")).Bool()
}
