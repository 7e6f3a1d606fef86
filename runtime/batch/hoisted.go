package batch

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// hoisted is a field of the request that stands for a field of each item.
type hoisted struct {
	from protoreflect.FieldDescriptor // of the request
	to   protoreflect.FieldDescriptor // of an item; nil if items are names, which start with the value of from
}

// findHoisted finds the named fields in a request and in its items.
func findHoisted(req protoreflect.MessageDescriptor, children protoreflect.FieldDescriptor, names []string) ([]hoisted, error) {
	found := make([]hoisted, len(names))
	for i, name := range names {
		h := &found[i]
		if h.from = req.Fields().ByName(protoreflect.Name(name)); h.from == nil {
			return nil, fmt.Errorf("%s has no field %q", req.FullName(), name)
		}
		if children.Message() == nil {
			if children.Kind() != protoreflect.StringKind || !isString(h.from) {
				return nil, fmt.Errorf("%q has no counterpart in %s", name, children.FullName())
			}
			continue
		}
		h.to = children.Message().Fields().ByName(protoreflect.Name(name))
		if h.to == nil || !sameType(h.from, h.to) {
			return nil, fmt.Errorf("%s has no field %q of the type that %s has", children.Message().FullName(), name, req.FullName())
		}
	}
	return found, nil
}

func isString(fd protoreflect.FieldDescriptor) bool {
	return fd.Kind() == protoreflect.StringKind && !fd.IsList() && !fd.IsMap()
}

// sameType reports whether a value of one field fits the other.
func sameType(a, b protoreflect.FieldDescriptor) bool {
	switch {
	case a.Kind() != b.Kind(), a.Cardinality() != b.Cardinality() && (a.IsList() || b.IsList()), a.IsMap() || b.IsMap():
		return false
	case a.Message() != nil:
		return a.Message().FullName() == b.Message().FullName()
	case a.Enum() != nil:
		return a.Enum().FullName() == b.Enum().FullName()
	}
	return true
}

// compare reports whether an item agrees with the request, and whether it lacks the value. A
// wildcard agrees with what it matches, and is not copied to items.
func (h hoisted) compare(value protoreflect.Value, child any) (fits, lacks bool) {
	if h.to == nil {
		return isWithin(child.(string), value.String()), false
	}
	wild := isString(h.from) && isWildcard(value.String())
	msg := child.(proto.Message).ProtoReflect()
	switch {
	case !msg.Has(h.to):
		return true, !wild
	case wild:
		return matches(msg.Get(h.to).String(), value.String()), false
	}
	return msg.Get(h.to).Equal(value), false
}

// isWildcard reports whether a resource name has a wildcard: "publishers/-" (AIP-159).
func isWildcard(name string) bool {
	for segment := range strings.SplitSeq(name, "/") {
		if segment == "-" {
			return true
		}
	}
	return false
}

// matches reports whether name equals pattern or matches it.
func matches(name, pattern string) bool {
	rest, ok := cutPattern(name, pattern)
	return ok && rest == ""
}

// isWithin reports whether the resource named name is a descendant of the one named parent.
func isWithin(name, parent string) bool {
	rest, ok := cutPattern(name, parent)
	return ok && rest != ""
}

// cutPattern returns the rest of a name after the segments of a pattern.
func cutPattern(name, pattern string) (rest string, ok bool) {
	rest = name
	for want := range strings.SplitSeq(pattern, "/") {
		var segment string
		segment, rest, _ = strings.Cut(rest, "/")
		if segment != want && (want != "-" || segment == "") {
			return "", false
		}
	}
	return rest, true
}
