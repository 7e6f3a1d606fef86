package policy

import (
	"slices"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	grpcservicev1 "github.com/grpcservice/grpcservice/proto/grpcservice/v1"
)

// Patterns says which patterns a method has: the limits of these are rules of it, and those of others are not.
type Patterns struct {
	Page, Batch, Operation bool
	// IdempotencyKey has the field that tells calls apart, and what the proto asks of it. How long answers are kept is the
	// policy's.
	IdempotencyKey IdempotencyKey
}

// PatternsOf returns the patterns that a policy has limits of.
func PatternsOf(p Policy) Patterns {
	return Patterns{Page: p.Page.MaxSize != 0, Batch: p.Batch.MaxSize != 0, Operation: p.Operation.Lease != 0, IdempotencyKey: p.IdempotencyKey}
}

// has says whether the method has the pattern that a field of the options speaks of.
func (has Patterns) has(name string) bool {
	return map[string]bool{"page": has.Page, "batch": has.Batch, "operation": has.Operation, "idempotency_key": has.IdempotencyKey.Field != ""}[name]
}

// patternNames are the fields of the options that speak of patterns, in the order of their numbers.
var patternNames = []string{"page", "batch", "operation", "idempotency_key"}

// shapeNames are what of these says where a pattern is, and not what its limits are: fields and messages of one method.
var shapeNames = map[string][]string{
	"page":            {"vary", "items", "size", "token", "skip", "next_token", "total"},
	"batch":           {"children", "results", "missing", "mode"},
	"operation":       {"response_type", "metadata_type", "conflict_key"},
	"idempotency_key": {"field"},
}

// optionalNames are those of them that a pattern may be without: an empty name says that the method has no such field.
var optionalNames = map[string][]string{
	"page":      {"size", "skip", "total"},
	"batch":     {"missing"},
	"operation": {"conflict_key"},
}

// patternIn returns what options say of a pattern, and nothing where they do not speak of it.
func patternIn(p *grpcservicev1.Policy, name string) (m protoreflect.Message, speaks bool) {
	policy := p.ProtoReflect()
	fd := policy.Descriptor().Fields().ByName(protoreflect.Name(name))
	if !policy.IsValid() || !policy.Has(fd) {
		return nil, false
	}
	return policy.Get(fd).Message(), true
}

// isOff says whether what is said of a pattern takes it away.
func isOff(m protoreflect.Message) bool { return m.Get(m.Descriptor().Fields().ByName("off")).Bool() }

// fieldsSet returns the names of the fields that are set, but for off, in the order of their numbers.
func fieldsSet(m protoreflect.Message) (names []string) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		if fd := fields.Get(i); fd.Name() != "off" && m.Has(fd) {
			names = append(names, string(fd.Name()))
		}
	}
	return names
}

// shapeIn returns the paths of what options say of the shape of a method: "page.items".
func shapeIn(p *grpcservicev1.Policy) (paths []string) {
	for _, name := range patternNames {
		m, speaks := patternIn(p, name)
		if !speaks {
			continue
		}
		for _, field := range fieldsSet(m) {
			if slices.Contains(shapeNames[name], field) {
				paths = append(paths, name+"."+field)
			}
		}
	}
	return paths
}

// withoutPatterns removes what options say of the patterns for which drop is true.
func withoutPatterns(p *grpcservicev1.Policy, drop func(name string) bool) {
	for _, name := range patternNames {
		if drop(name) {
			policy := p.ProtoReflect()
			policy.Clear(policy.Descriptor().Fields().ByName(protoreflect.Name(name)))
		}
	}
}

// Fit returns a copy of options without the limits of patterns that the method has not. That a pattern is taken away stays.
func (m Method) Fit(p *grpcservicev1.Policy) *grpcservicev1.Policy {
	fit := &grpcservicev1.Policy{}
	proto.Merge(fit, p)
	withoutPatterns(fit, func(name string) bool {
		said, speaks := patternIn(fit, name)
		return speaks && !isOff(said) && !m.Patterns.has(name)
	})
	return fit
}
