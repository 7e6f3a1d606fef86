package digest

import (
	"cmp"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// maxGuesses is how deep messages are looked for in what is not known to be one.
const maxGuesses = 32

// maxGroups is how deep groups are looked into, of any message: a group is read to its end to be passed over, so that each one
// around it costs as much again.
const maxGroups = 4

// writer writes messages in an order that depends on nothing but what they say. It permutes their fields and changes no
// length, so that each byte is written once however deep it lies.
type writer struct {
	out    []byte
	skip   func(protoreflect.FieldNumber) bool // of the top level; nil once inside
	groups int                                 // around what is written
}

// run is a row of fields with the same number, next to each other.
type run struct {
	num   protowire.Number
	bytes []byte
}

// message writes the fields of a message, and false where wire is none. A nil desc is of a message that is not known, or not
// known to be one; guesses is how many such there are around it.
func (w *writer) message(wire []byte, desc protoreflect.MessageDescriptor, guesses int) bool {
	var few [16]run
	runs, ok := split(few[:0], wire)
	if !ok {
		return false
	}
	byNumber := func(a, b run) int { return cmp.Compare(a.num, b.num) }
	if !slices.IsSortedFunc(runs, byNumber) {
		slices.SortStableFunc(runs, byNumber)
	}
	skip := w.skip
	w.skip = nil
	for len(runs) > 0 {
		n := 1
		for n < len(runs) && runs[n].num == runs[0].num {
			n++
		}
		if skip == nil || !skip(runs[0].num) {
			w.field(runs[:n], desc, guesses)
		}
		runs = runs[n:]
	}
	return true
}

// split appends the fields of a message to runs.
func split(runs []run, wire []byte) ([]run, bool) {
	for len(wire) > 0 {
		num, _, n := protowire.ConsumeField(wire)
		if n < 0 {
			return nil, false
		}
		if last := len(runs) - 1; last >= 0 && runs[last].num == num {
			before := runs[last].bytes
			runs[last].bytes = before[:len(before)+n] // the rest of wire lies behind it
		} else {
			runs = append(runs, run{num, wire[:n]})
		}
		wire = wire[n:]
	}
	return runs, true
}
