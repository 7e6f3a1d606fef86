package policy

import (
	"fmt"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	grpcservicev1 "github.com/grpcservice/grpcservice/proto/grpcservice/v1"
)

// Patterns are the patterns of a method: only the limits of these apply to it.
type Patterns struct {
	Page, Batch, Operation bool
	// IdempotencyKey has the key's field and the proto's requirements. The policy has the window.
	IdempotencyKey IdempotencyKey
}

// PatternsOf returns the patterns whose limits a policy has.
func PatternsOf(p Policy) Patterns {
	return Patterns{Page: p.Page.MaxSize != 0, Batch: p.Batch.MaxSize != 0, Operation: p.Operation.Lease != 0, IdempotencyKey: p.IdempotencyKey}
}

// Has reports whether the method has the pattern of an option.
func (has Patterns) Has(name string) bool {
	return map[string]bool{"page": has.Page, "batch": has.Batch, "operation": has.Operation, "idempotency_key": has.IdempotencyKey.Field != ""}[name]
}

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
