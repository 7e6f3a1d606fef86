package digest

import (
	"bytes"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// field writes all that a message of type desc has of one field.
func (w *writer) field(runs []run, desc protoreflect.MessageDescriptor, guesses int) {
	known := fieldOf(desc, runs[0].num)
	var inside protoreflect.MessageDescriptor
	switch {
	case known == nil:
		guesses++
	case known.Message() == nil:
		w.raw(runs)
		return
	default:
		inside = known.Message()
	}
	if guesses > maxGuesses {
		w.raw(runs)
		return
	}
	if known == nil || known.IsMap() {
		if entries := entriesOf(runs); entries != nil {
			for _, e := range entries {
				w.element(e.bytes, inside, guesses)
			}
			return
		}
	}
	for _, r := range runs {
		for rest := r.bytes; len(rest) > 0; {
			_, _, n := protowire.ConsumeField(rest)
			w.element(rest[:n], inside, guesses)
			rest = rest[n:]
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

// raw writes fields as they are.
func (w *writer) raw(runs []run) {
	for _, r := range runs {
		w.out = append(w.out, r.bytes...)
	}
}

// element writes one field with its tag: what is in it, if that is a message, else as it is.
func (w *writer) element(field []byte, inside protoreflect.MessageDescriptor, guesses int) {
	num, kind, n := protowire.ConsumeTag(field)
	var body []byte
	switch kind {
	case protowire.BytesType:
		body, _ = protowire.ConsumeBytes(field[n:])
	case protowire.StartGroupType:
		if w.groups == maxGroups {
			break
		}
		body, _ = protowire.ConsumeGroup(num, field[n:])
		w.groups++
		defer func() { w.groups-- }()
	}
	start := len(w.out)
	if len(body) > 0 {
		head := bytesBefore(field, body, kind, n)
		w.out = append(w.out, field[:head]...)
		if w.message(body, inside, guesses) {
			w.out = append(w.out, field[head+len(body):]...)
			return
		}
	}
	w.out = append(w.out[:start], field...)
}

// bytesBefore returns where the body of a field begins, whose tag is n bytes long.
func bytesBefore(field, body []byte, kind protowire.Type, n int) int {
	if kind == protowire.BytesType {
		return len(field) - len(body)
	}
	return n
}

// entry is one entry of a map.
type entry struct{ key, bytes []byte }

// entriesOf returns the entries of a map in the order of their keys, nil where the fields are none.
func entriesOf(runs []run) []entry {
	var entries []entry
	for _, r := range runs {
		for rest := r.bytes; len(rest) > 0; {
			num, kind, n := protowire.ConsumeTag(rest)
			size := n + protowire.ConsumeFieldValue(num, kind, rest[n:])
			var body []byte
			if kind == protowire.BytesType {
				body, _ = protowire.ConsumeBytes(rest[n:])
			}
			key, ok := keyOf(body)
			if !ok {
				return nil
			}
			entries = append(entries, entry{key, rest[:size]})
			rest = rest[size:]
		}
	}
	slices.SortStableFunc(entries, func(a, b entry) int { return bytes.Compare(a.key, b.key) })
	return entries
}

// keyOf returns the key of a map's entry, which is what writers of maps write: a key, then a value.
func keyOf(entry []byte) ([]byte, bool) {
	num, kind, n := protowire.ConsumeField(entry)
	if n < 0 || num != 1 || kind == protowire.StartGroupType {
		return nil, false
	}
	value, _, m := protowire.ConsumeField(entry[n:])
	return entry[:n], m > 0 && value == 2 && n+m == len(entry)
}
