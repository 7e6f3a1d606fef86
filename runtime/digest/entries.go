package digest

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
)

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
