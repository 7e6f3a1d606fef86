package filter

import (
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// search looks for a literal that stands alone in the fields of a message.
type search struct {
	schema  *Schema
	literal string
	whole   []string // the pattern of the literal, in lower case
	within  []string // the same, anywhere in a text
}

func newSearch(schema *Schema, literal *Member) *search {
	s := &search{schema: schema, literal: literal.Path()}
	for _, piece := range literal.Pattern() {
		s.whole = append(s.whole, strings.ToLower(piece))
	}
	s.within = append(append([]string{""}, s.whole...), "")
	return s
}

// message says whether the literal is in the message.
func (s *search) message(m protoreflect.Message) bool { return s.in(m, "") }

// in looks into what is set of a message that is at a path.
func (s *search) in(m protoreflect.Message, path string) (found bool) {
	if opaque(m.Descriptor().FullName()) {
		return false
	}
	m.Range(func(field protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		at := path + string(field.Name())
		if s.schema.searches(at, field) {
			found = s.value(field, v, at+".")
		}
		return !found
	})
	return found
}

// opaque says whether a message is not searched: its fields are no text, or are known to nobody.
func opaque(name protoreflect.FullName) bool {
	return name == "google.protobuf.Timestamp" || name == "google.protobuf.Duration" || name == "google.protobuf.Any"
}

// value looks into what a field holds.
func (s *search) value(field protoreflect.FieldDescriptor, v protoreflect.Value, path string) (found bool) {
	switch {
	case field.IsMap():
		v.Map().Range(func(k protoreflect.MapKey, v protoreflect.Value) bool {
			found = s.single(field.MapKey(), k.Value(), path) || s.single(field.MapValue(), v, path)
			return !found
		})
		return found
	case field.IsList():
		for i := range v.List().Len() {
			if s.single(field, v.List().Get(i), path) {
				return true
			}
		}
		return false
	}
	return s.single(field, v, path)
}

// single looks into a value that is no list and no map.
func (s *search) single(field protoreflect.FieldDescriptor, v protoreflect.Value, path string) bool {
	switch field.Kind() {
	case protoreflect.MessageKind, protoreflect.GroupKind:
		return s.in(v.Message(), path)
	case protoreflect.StringKind:
		return matches(s.within, strings.ToLower(v.String()))
	case protoreflect.EnumKind:
		value := field.Enum().Values().ByNumber(v.Enum())
		return value != nil && matches(s.whole, strings.ToLower(string(value.Name())))
	case protoreflect.BytesKind, protoreflect.BoolKind:
		return false
	}
	return v.String() == s.literal // a number
}

// searches says whether literals alone are searched in a field, or in a field within it.
func (s *Schema) searches(path string, field protoreflect.FieldDescriptor) bool {
	scope := s.search
	if scope == nil {
		scope = s.fields
	}
	if scope == nil {
		return !redacted(field)
	}
	within, named := scope.has(path)
	return named || within && !redacted(field) || scope.leads(path)
}
