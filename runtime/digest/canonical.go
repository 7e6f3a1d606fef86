package digest

import (
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// maxGuesses is the maximum depth at which bytes of unknown fields are decoded as messages.
const maxGuesses = 32

// maxGroups is the maximum depth of groups that are reordered, in any message: finding the end of
// a group reads it, so each surrounding group costs as much again.
const maxGroups = 4

// message writes the fields of a message. It returns false if wire is not one. desc is nil if the
// message type is unknown or it may not be a message; guesses counts the surrounding ones.
func (w *writer) message(wire []byte, desc protoreflect.MessageDescriptor, guesses int) bool {
	found := w.scan(wire)
	if !found.ok {
		return false
	}
	fields := cursor{writer: w, wire: wire}
	if !found.sorted {
		var few [16]uint32
		fields.order, fields.ordered = w.order(few[:0], wire, found), true
	}
	skip := w.skip
	w.skip = nil
	for fields.advance(); fields.num != 0 && w.err == nil; {
		if skip != nil && skip.skips(fields.num) {
			fields.leave()
			continue
		}
		w.fields(&fields, desc, guesses)
	}
	return true
}

// fields writes all values of the field at the cursor, of a message of type desc.
func (w *writer) fields(fields *cursor, desc protoreflect.MessageDescriptor, guesses int) {
	known := fieldOf(desc, fields.num)
	var inside protoreflect.MessageDescriptor
	if known == nil {
		guesses++
	} else {
		inside = known.Message()
	}
	looks := (known == nil || inside != nil) && guesses <= maxGuesses
	if looks && (known == nil || known.IsMap()) && w.entries(fields, known != nil, inside, guesses) {
		return
	}
	for num := fields.num; fields.num == num && w.err == nil; fields.advance() {
		if looks {
			w.element(fields.field, inside, guesses)
		} else {
			w.write(fields.field)
		}
	}
}

// fieldOf returns the field with a number, or nil if it is unknown. The value of an Any counts as
// plain bytes.
func fieldOf(desc protoreflect.MessageDescriptor, num protowire.Number) protoreflect.FieldDescriptor {
	if desc == nil {
		return nil
	}
	field := desc.Fields().ByNumber(num)
	if field != nil && field.Kind() == protoreflect.BytesKind && desc.FullName() == "google.protobuf.Any" {
		return nil
	}
	return field
}

// element writes one field with its tag: reordered if it is a message, otherwise unchanged.
func (w *writer) element(field []byte, inside protoreflect.MessageDescriptor, guesses int) {
	num, kind, n := protowire.ConsumeTag(field)
	var body []byte
	switch kind {
	case protowire.BytesType:
		body, _ = protowire.ConsumeBytes(field[n:])
		n = len(field) - len(body)
	case protowire.StartGroupType:
		if w.groups == maxGroups {
			break
		}
		body = bodyOf(num, field[n:])
		w.groups++
		defer func() { w.groups-- }()
	}
	if len(body) == 0 {
		w.write(field)
		return
	}
	w.write(field[:n])
	if !w.message(body, inside, guesses) {
		w.write(body)
	}
	w.write(field[n+len(body):])
}

// bodyOf returns the fields of a group without its end tag. It searches from the back, where the
// tag may have a longer encoding than necessary; [protowire.ConsumeGroup] would read the group
// once more.
func bodyOf(num protowire.Number, group []byte) []byte {
	for len(group) > 0 && group[len(group)-1]&0x7f == 0 {
		group = group[:len(group)-1]
	}
	return group[:len(group)-protowire.SizeTag(num)]
}
