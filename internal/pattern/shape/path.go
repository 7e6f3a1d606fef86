package shape

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// Path is the path to a field of a message: each field but the last is a singular message that
// contains the next one. An empty path means no field.
type Path []protoreflect.FieldDescriptor

// String returns the path as policies spell it: proto names separated by dots.
func (p Path) String() string {
	names := make([]string, len(p))
	for i, field := range p {
		names[i] = string(field.Name())
	}
	return strings.Join(names, ".")
}

// Field returns the last field of the path, or nil.
func (p Path) Field() protoreflect.FieldDescriptor {
	if len(p) == 0 {
		return nil
	}
	return p[len(p)-1]
}

// Resolve returns the path for dot-separated names, or what is wrong with them.
func Resolve(in protoreflect.MessageDescriptor, text string) (path Path, wrong string) {
	if text == "" {
		return nil, "it is empty; name a field, or remove it"
	}
	for name := range strings.SplitSeq(text, ".") {
		if in == nil || len(path) > 0 && !IsMessage(path.Field()) {
			return nil, fmt.Sprintf("%q is not a single message, so it cannot have a field %q; name an existing field", path, name)
		}
		f := in.Fields().ByName(protoreflect.Name(name))
		if f == nil {
			return nil, unknownField(in, name)
		}
		path, in = append(path, f), f.Message()
	}
	return path, ""
}

// ResolveAs is Resolve for a field of a kind.
func ResolveAs(in protoreflect.MessageDescriptor, text string, want Kind) (path Path, wrong string) {
	path, wrong = Resolve(in, text)
	if wrong == "" && !want.Fits(path.Field()) {
		wrong = fmt.Sprintf("%q in %s is not %s; name one that is", text, in.FullName(), want.Text)
	}
	if wrong != "" {
		return nil, wrong
	}
	return path, ""
}

func unknownField(in protoreflect.MessageDescriptor, name string) string {
	fields := FieldsThat(in, AnyField.Fits)
	if len(fields) == 0 {
		return fmt.Sprintf("%s has no fields, so not %q; remove it", in.FullName(), name)
	}
	return fmt.Sprintf("%s has no field %q; want one of %s", in.FullName(), name, ListOf(fields))
}
