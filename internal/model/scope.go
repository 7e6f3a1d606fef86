package model

import (
	"slices"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/internal/diag"
	"github.com/grpcservice/grpcservice/internal/golang"
	"github.com/grpcservice/grpcservice/internal/pattern/shape"
	rules "github.com/grpcservice/grpcservice/runtime/policy"
)

// Scope gives a pattern access to the method that it makes a helper for. It checks the types that
// the helper refers to, and records whether any of them is deprecated.
type Scope struct {
	builder    *builder
	source     source
	method     *protogen.Method
	deprecated bool
}

// Method returns the method itself.
func (s *Scope) Method() *protogen.Method { return s.method }

// Position returns where the method is declared.
func (s *Scope) Position() diag.Position { return atRPC(s.method) }

// Accessor returns the accessor for the field at a path starting at message.
func (s *Scope) Accessor(message protoreflect.MessageDescriptor, path shape.Path) Accessor {
	for _, field := range path {
		s.deprecated = s.deprecated || isDeprecated(field, string(s.builder.field(field).Comments.Leading)) ||
			s.isDeprecated(field.ContainingMessage()) || s.isDeprecated(field.Message())
	}
	return s.builder.accessor(s.source, s.method, s.builder.messages[message.FullName()], path)
}

// anyMessage stands for messages that the proto does not name.
var anyMessage = golang.Ident{Name: "Any", Package: "anypb", Path: "google.golang.org/protobuf/types/known/anypb"}

// Message returns the Go type of a message, or that of Any if desc is nil.
func (s *Scope) Message(desc protoreflect.MessageDescriptor) golang.Ident {
	if desc == nil {
		return anyMessage
	}
	s.deprecated = s.deprecated || s.isDeprecated(desc)
	message := s.builder.messages[desc.FullName()]
	s.builder.imports(s.source, s.method, message.GoIdent, desc)
	return s.builder.ident(message.GoIdent)
}

func (s *Scope) isDeprecated(desc protoreflect.MessageDescriptor) bool {
	return desc != nil && s.builder.messages[desc.FullName()] != nil && s.builder.isDeprecatedMessage(s.builder.messages[desc.FullName()])
}

// Ident returns the identifier of a generated message or enum.
func (s *Scope) Ident(id protogen.GoIdent) golang.Ident { return s.builder.ident(id) }

// Type returns the result type of the getter of a field.
func (s *Scope) Type(field protoreflect.FieldDescriptor) Type {
	s.builder.importType(s.source, s.method, field)
	return s.builder.typeOf(s.builder.field(field))
}

// ElementType returns the type of a field, or of one element if the field is a list.
func (s *Scope) ElementType(field protoreflect.FieldDescriptor) Type {
	s.builder.importType(s.source, s.method, field)
	return s.builder.elementType(s.builder.field(field))
}

// Getter returns the name of the getter of a field.
func (s *Scope) Getter(field protoreflect.FieldDescriptor) string {
	getter, _ := s.builder.field(field).MethodName("Get")
	return getter
}

// Sibling returns the method of the same service that has a descriptor, or nil.
func (s *Scope) Sibling(desc protoreflect.MethodDescriptor) *protogen.Method {
	i := slices.IndexFunc(s.method.Parent.Methods, func(m *protogen.Method) bool { return m.Desc == desc })
	if i < 0 {
		return nil
	}
	return s.method.Parent.Methods[i]
}

// Policy returns the policy of a method. It returns false if the policy has problems.
func (s *Scope) Policy(desc protoreflect.MethodDescriptor) (rules.Policy, bool) {
	decision, problems := s.builder.decisionOf(desc)
	return decision.Policy, len(problems) == 0
}

// Warn adds a warning about the method.
func (s *Scope) Warn(format string, args ...any) {
	s.builder.problems.Warnf(s.Position(), format, args...)
}
