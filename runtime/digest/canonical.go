package digest

import (
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// maxGuesses is how deep messages are looked for in what is not known to be one.
const maxGuesses = 32

// maxGroups is how deep groups are looked into, of any message: a group is read to its end to be passed over, so that each one
// around it costs as much again.
const maxGroups = 4

// message writes the fields of a message, and false where wire is none. A nil desc is of a message that is not known, or not
// known to be one; guesses is how many such there are around it.
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

// fields writes all that a message of type desc has of the field that the cursor is at.
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

// fieldOf returns the field with a number, nil where it is not known what it is: the value of an Any is none of bytes only.
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

// element writes one field with its tag: what is in it, if that is a message, else as it is.
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

// bodyOf returns the fields of a group without its end, which is found from behind and may be longer than it needs to be, as in
// [protowire.ConsumeGroup], which would read the group once more.
func bodyOf(num protowire.Number, group []byte) []byte {
	for len(group) > 0 && group[len(group)-1]&0x7f == 0 {
		group = group[:len(group)-1]
	}
	return group[:len(group)-protowire.SizeTag(num)]
}
