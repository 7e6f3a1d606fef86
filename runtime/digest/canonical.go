package digest

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"

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
			fields.skipField()
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

// entry is a map entry.
type entry struct {
	prefix uint64 // the first bytes of its key
	at     uint32 // where it is
}

// entries writes the fields at the cursor in the order of their keys. It returns false if they
// are not known to be map entries and do not look like them.
func (w *writer) entries(fields *cursor, known bool, inside protoreflect.MessageDescriptor, guesses int) bool {
	n, sorted, ok := w.scanEntries(*fields, known)
	if !ok || w.err != nil {
		return false
	}
	if sorted {
		for num := fields.num; fields.num == num && w.err == nil; fields.advance() {
			w.element(fields.field, inside, guesses)
		}
		return true
	}
	var few [8]entry
	for _, e := range w.sortEntries(few[:0], fields, n) {
		if w.err != nil {
			break
		}
		_, size := w.next(fields.wire[e.at:])
		w.element(fields.wire[e.at:][:size], inside, guesses)
	}
	return true
}

// scanEntries counts the fields at the cursor if all of them are map entries.
func (w *writer) scanEntries(fields cursor, known bool) (n int, sorted, ok bool) {
	var before []byte
	sorted = true
	for num := fields.num; fields.num == num && w.err == nil; fields.advance() {
		key, ok := w.keyOf(fields.field)
		if !ok && !known {
			return 0, false, false
		}
		n++
		sorted = sorted && bytes.Compare(before, key) <= 0
		before = key
	}
	return n, sorted, true
}

// sortEntries appends the n entries at the cursor to room, in the order of their keys, and moves
// the cursor after them.
func (w *writer) sortEntries(room []entry, fields *cursor, n int) []entry {
	entries := slices.Grow(room, n)
	for num := fields.num; fields.num == num && w.err == nil; fields.advance() {
		key, _ := w.keyOf(fields.field)
		var prefix [8]byte
		copy(prefix[:], key)
		entries = append(entries, entry{binary.BigEndian.Uint64(prefix[:]), uint32(fields.at)})
	}
	wire := fields.wire
	slices.SortFunc(entries, func(a, b entry) int {
		if w.spend(1); w.err != nil { // so that the sort comes to its end
			return 0
		}
		if a.prefix != b.prefix {
			return cmp.Compare(a.prefix, b.prefix)
		}
		return cmp.Or(bytes.Compare(w.keyAt(wire[a.at:]), w.keyAt(wire[b.at:])), cmp.Compare(a.at, b.at))
	})
	return entries
}

// keyAt returns the key of the entry at the start of wire.
func (w *writer) keyAt(wire []byte) []byte {
	key, _ := w.keyOf(wire)
	w.spend(len(key) / 16) // it is compared
	return key
}

// keyOf returns the key of a map entry as writers encode it: a key, then a value. A field with
// the number of a map that is not an entry has no key, and sorts first.
func (w *writer) keyOf(field []byte) ([]byte, bool) {
	_, kind, n := protowire.ConsumeTag(field)
	if kind != protowire.BytesType {
		return nil, false
	}
	body, _ := protowire.ConsumeBytes(field[n:])
	num, kind, n := protowire.ConsumeTag(body)
	if n < 0 || num != 1 || kind == protowire.StartGroupType {
		return nil, false
	}
	if _, n = w.next(body); n < 0 {
		return nil, false
	}
	value, m := w.next(body[n:])
	return body[:n], m > 0 && value == 2 && n+m == len(body)
}
