package policy

import (
	"fmt"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	grpcservicev1 "github.com/grpcservice/grpcservice/proto/grpcservice/v1"
)

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
