package policy

import (
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	grpcservicev1 "github.com/grpcservice/grpcservice/proto/grpcservice/v1"
)

// Patterns are the patterns of a method: only the limits of these apply to it.
type Patterns struct {
	options []string
	key     IdempotencyKey
}

// PatternsOf returns the patterns whose limits a policy has.
func PatternsOf(p Policy) Patterns {
	has := Patterns{key: p.IdempotencyKey}
	for _, r := range rules.patterns() {
		if r.has(&p) {
			has.Add(r.name)
		}
	}
	return has
}

// Add adds the pattern that an option configures, such as "page".
func (has *Patterns) Add(option string) { has.options = append(has.options, option) }

// AddIdempotencyKey adds the idempotency key, unless its field is "": the field and what the
// proto requires of it. The policy has the window.
func (has *Patterns) AddIdempotencyKey(key IdempotencyKey) {
	if key.Field != "" {
		has.key = key
		has.Add("idempotency_key")
	}
}

// Has reports whether the method has the pattern that an option configures.
func (has Patterns) Has(option string) bool { return slices.Contains(has.options, option) }

// isOff reports whether the options of a pattern disable it.
func isOff(m protoreflect.Message) bool { return m.Get(m.Descriptor().Fields().ByName("off")).Bool() }

// fieldsSet returns the names of the fields that are set, except off, in the order of their
// numbers.
func fieldsSet(m protoreflect.Message) (names []string) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		if fd := fields.Get(i); fd.Name() != "off" && m.Has(fd) {
			names = append(names, string(fd.Name()))
		}
	}
	return names
}

// shapeIn returns the paths of options for the shape of a method: "page.items".
func shapeIn(p *grpcservicev1.Policy) (paths []string) {
	for _, r := range rules {
		m := r.message(p)
		for _, o := range r.options {
			if o.shape && m.Has(fieldOf(m, o.name)) {
				paths = append(paths, r.path(o.name))
			}
		}
	}
	return paths
}

// Fit returns a copy of options without the limits of patterns that the method does not have. It
// keeps options that disable a pattern.
func (m Method) Fit(p *grpcservicev1.Policy) *grpcservicev1.Policy {
	fit := &grpcservicev1.Policy{}
	proto.Merge(fit, p)
	for _, r := range rules.patterns() {
		if r.asked(fit) && !m.Patterns.Has(r.name) {
			r.clear(fit)
		}
	}
	return fit
}

// NamedKey returns the idempotency key of a method whose options name its field, or the zero
// value. It is for services registered by other generators: only the plugin finds a field by its
// name.
func NamedKey(request protoreflect.MessageDescriptor, own *grpcservicev1.Policy) (IdempotencyKey, error) {
	said := own.GetIdempotencyKey()
	if said.GetField() == "" {
		return IdempotencyKey{}, nil
	}
	field := request.Fields().ByName(protoreflect.Name(said.GetField()))
	if field == nil || field.Kind() != protoreflect.StringKind || field.IsList() {
		return IdempotencyKey{}, Fault{
			Field: "idempotency_key.field",
			Text: fmt.Sprintf("%s has no string field %q that is not repeated; name an existing one",
				request.FullName(), said.GetField()),
		}
	}
	return IdempotencyKey{
		Field: said.GetField(), UUID4: FormatOf(field) == FormatUUID4, Required: IsRequired(field),
	}, nil
}
