package encoded

import (
	"fmt"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Checker finds out whether messages of one type can be encoded, without encoding them: whether
// their strings are UTF-8, and required fields are set.
type Checker struct{ strings *stringFields }

// NewChecker returns a Checker of messages of a type.
func NewChecker(of protoreflect.MessageDescriptor) Checker {
	return Checker{stringsOf(of, make(map[protoreflect.FullName]*stringFields))}
}

// Check returns why a message cannot be encoded, or nil. It allocates for each text, list and map,
// because reflection does, and costs much less than encoding a message with large data.
func (c Checker) Check(msg proto.Message) error {
	if err := proto.CheckInitialized(msg); err != nil {
		return err
	}
	if field := c.strings.invalid(msg.ProtoReflect()); field != nil {
		return fmt.Errorf("the field %s has invalid UTF-8", field.FullName())
	}
	return nil
}

// stringFields are the fields of a message type that are strings or may contain some.
type stringFields struct {
	fields   []stringField
	complete bool // false while the fields of a type are found that contains itself
}

type stringField struct {
	protoreflect.FieldDescriptor
	value  *stringFields // of a message, or of the messages of a list or map; nil for strings
	inKeys bool          // whether the keys of a map are strings
	inside bool          // whether the values are strings
}

// stringsOf returns the fields of a message type; known has those of types that were seen.
func stringsOf(
	of protoreflect.MessageDescriptor, known map[protoreflect.FullName]*stringFields,
) *stringFields {
	if s, ok := known[of.FullName()]; ok {
		return s
	}
	s := new(stringFields)
	known[of.FullName()] = s
	for i := range of.Fields().Len() {
		fd := of.Fields().Get(i)
		f, value := stringField{FieldDescriptor: fd}, fd
		if fd.IsMap() {
			f.inKeys = isText(fd.MapKey())
			value = fd.MapValue()
		}
		f.inside = isText(value)
		if value.Message() != nil {
			if inner := stringsOf(value.Message(), known); len(inner.fields) > 0 || !inner.complete {
				f.value = inner
			}
		}
		if f.inKeys || f.inside || f.value != nil {
			s.fields = append(s.fields, f)
		}
	}
	s.complete = true
	return s
}

// isText reports whether a field is a string that must be UTF-8 to be encoded.
func isText(fd protoreflect.FieldDescriptor) bool {
	if fd.Kind() != protoreflect.StringKind {
		return false
	}
	if strict, ok := fd.(interface{ EnforceUTF8() bool }); ok {
		return strict.EnforceUTF8()
	}
	return fd.Syntax() == protoreflect.Proto3
}

// invalid returns a field of m whose text is not UTF-8; nil if there is none.
func (s *stringFields) invalid(m protoreflect.Message) protoreflect.FieldDescriptor {
	for i := range s.fields {
		f := &s.fields[i]
		if !m.Has(f.FieldDescriptor) {
			continue
		}
		if found := f.invalid(m.Get(f.FieldDescriptor)); found != nil {
			return found
		}
	}
	return nil
}

func (f *stringField) invalid(v protoreflect.Value) (found protoreflect.FieldDescriptor) {
	switch {
	case f.IsMap():
		v.Map().Range(func(key protoreflect.MapKey, value protoreflect.Value) bool {
			if f.inKeys && !utf8.ValidString(key.String()) {
				found = f.FieldDescriptor
			} else {
				found = f.invalidElement(value)
			}
			return found == nil
		})
	case f.IsList():
		for list, i := v.List(), 0; i < list.Len() && found == nil; i++ {
			found = f.invalidElement(list.Get(i))
		}
	default:
		found = f.invalidElement(v)
	}
	return found
}

// invalidElement returns the field with invalid text in a value that is neither a list nor a map.
func (f *stringField) invalidElement(v protoreflect.Value) protoreflect.FieldDescriptor {
	switch {
	case f.value != nil:
		return f.value.invalid(v.Message())
	case f.inside && !utf8.ValidString(v.String()):
		return f.FieldDescriptor
	default:
		return nil
	}
}
