package policy

import (
	"fmt"

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

// Has reports whether the method has the pattern that a field of the options speaks of.
func (has Patterns) Has(name string) bool {
	return map[string]bool{"page": has.Page, "batch": has.Batch, "operation": has.Operation, "idempotency_key": has.IdempotencyKey.Field != ""}[name]
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

// Fit returns a copy of options without the limits of patterns that the method has not. That a pattern is taken away stays.
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

// NamedKey returns the idempotency key of a method whose options name its field; empty if they do not.
// It is for services of other generators: only the plugin finds a field by its name.
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
