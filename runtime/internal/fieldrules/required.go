package fieldrules

import (
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// requiredRule requires that a field is set (AIP-203).
type requiredRule struct {
	field protoreflect.FieldDescriptor
	// oneof has the field; any of its members will do, since they exclude each other.
	oneof protoreflect.OneofDescriptor
	// mask reports whether the field is a field mask, which without paths says nothing.
	mask bool
	// identifies reports whether the field identifies the resource or its version: an update needs
	// it whatever its mask names, and a create must ignore it.
	identifies bool
	// assigned reports whether the server assigns the field in any message of a create.
	assigned bool
}

// check collects a violation if the field must be set and is not.
func (r *requiredRule) check(m protoreflect.Message, s *scope, w *walk) {
	switch {
	case r.isSet(m), s.isAssigned(r):
	case !r.isNamed(s.mask) && !(s.updating && s.resource && r.identifies):
	case s.gives(r.field):
	case r.oneof != nil:
		w.add(pathStep{name: r.oneof.Name(), index: noIndex}, r.text(s), "REQUIRED")
	default:
		w.add(pathStep{name: r.field.Name(), index: noIndex}, r.text(s), "REQUIRED")
	}
}

// isSet reports whether the field, or another member of its oneof, is set.
func (r *requiredRule) isSet(m protoreflect.Message) bool {
	switch {
	case r.oneof != nil:
		return m.WhichOneof(r.oneof) != nil
	case !m.Has(r.field):
		return false
	case r.mask:
		_, given := readMask(m.Get(r.field).Message())
		return given
	}
	return true
}

// isNamed reports whether the mask names the field, or another member of its oneof.
func (r *requiredRule) isNamed(mask maskPart) bool {
	if mask.all() || mask.has(string(r.field.Name())) {
		return true
	}
	if r.oneof == nil {
		return false
	}
	for i := range r.oneof.Fields().Len() {
		if mask.has(string(r.oneof.Fields().Get(i).Name())) {
			return true
		}
	}
	return false
}

// isAssigned reports whether the server assigns the field, and ignores it in the request.
func (s *scope) isAssigned(r *requiredRule) bool {
	return s.creating && (r.assigned || s.resource && r.identifies)
}

// gives reports whether a batch sets a field for the message.
func (s *scope) gives(field protoreflect.FieldDescriptor) bool {
	for _, h := range s.hoisted {
		if h.to == field {
			return h.gives(s.batch)
		}
	}
	return false
}

// text returns the description of a violation.
func (r *requiredRule) text(s *scope) string {
	switch {
	case r.oneof != nil:
		return "one of " + memberNames(r.oneof) + " is required"
	case s.unmasked && !(s.resource && r.identifies):
		return "it is required unless the update mask names only other fields"
	case r.field.HasPresence() || r.field.IsList() || r.field.IsMap():
		return "it is required"
	case r.field.Kind() == protoreflect.BoolKind:
		return "it is required; false is the same as unset"
	case r.field.Kind() == protoreflect.StringKind, r.field.Kind() == protoreflect.BytesKind:
		return "it is required"
	}
	return "it is required; 0 is the same as unset"
}

func memberNames(oneof protoreflect.OneofDescriptor) string {
	var names []string
	for i := range oneof.Fields().Len() {
		names = append(names, string(oneof.Fields().Get(i).Name()))
	}
	return strings.Join(names, ", ")
}
