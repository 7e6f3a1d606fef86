package digest

import (
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// found describes a message.
type found struct {
	ok     bool // it is a message
	sorted bool // its fields are in the order of their numbers
	n      int  // fields
	most   protowire.Number
}

// scan reads a message, and counts its fields by the lowest digits of their numbers.
func (w *writer) scan(wire []byte) (f found) {
	f.sorted = true
	clear(w.counts[:])
	for len(wire) > 0 && w.err == nil {
		num, size := w.next(wire)
		if size < 0 {
			return found{}
		}
		f.n++
		f.sorted = f.sorted && num >= f.most
		f.most = max(f.most, num)
		w.counts[num%digits]++
		wire = wire[size:]
	}
	f.ok = true
	return f
}

// order appends the offsets of a message's fields to room, by number and then by offset. scan has
// just counted the fields.
func (w *writer) order(room []uint32, wire []byte, f found) []uint32 {
	if w.err != nil {
		return nil
	}
	order := slices.Grow(room, f.n)[:f.n]
	w.starts()
	for at := 0; at < len(wire); {
		num, size := w.next(wire[at:])
		w.place(order, num%digits, uint32(at))
		at += size
	}
	if f.most < digits {
		return order
	}
	other := make([]uint32, f.n)
	for shift := digitBits; f.most>>shift > 0 && w.err == nil; shift += digitBits {
		w.pass(other, order, wire, shift)
		order, other = other, order
	}
	return order
}

// pass sorts offsets by one digit of the numbers of their fields.
func (w *writer) pass(to, from []uint32, wire []byte, shift int) {
	digit := func(at uint32) protowire.Number {
		tag, _ := protowire.ConsumeVarint(wire[at:])
		w.spend(1)
		return protowire.Number(tag>>3) >> shift % digits
	}
	clear(w.counts[:])
	for _, at := range from {
		w.counts[digit(at)]++
	}
	w.starts()
	for _, at := range from {
		w.place(to, digit(at), at)
	}
}

// starts converts the counts of digits to the offsets at which each digit starts.
func (w *writer) starts() {
	sum := uint32(0)
	for i, n := range w.counts {
		w.counts[i], sum = sum, sum+n
	}
}

func (w *writer) place(order []uint32, digit protowire.Number, at uint32) {
	order[w.counts[digit]] = at
	w.counts[digit]++
}

// cursor iterates over the fields of a message in the order of their numbers.
type cursor struct {
	*writer
	wire    []byte
	order   []uint32 // offsets; empty if the fields are in order
	ordered bool
	i       int // of the next field in order, or its offset

	num   protowire.Number // of the field, 0 after the last one
	field []byte           // including its tag
	at    int              // its offset
}

// advance moves to the next field.
func (c *cursor) advance() {
	at := c.i
	if c.ordered && at < len(c.order) {
		at = int(c.order[at])
	} else if c.ordered || at == len(c.wire) {
		c.num, c.field = 0, nil
		return
	}
	num, size := c.next(c.wire[at:])
	c.num, c.field, c.at = num, c.wire[at:at+size], at
	if c.ordered {
		c.i++
	} else {
		c.i += size
	}
}

// skipField moves to the next field with another number.
func (c *cursor) skipField() {
	for num := c.num; c.num == num && c.err == nil; {
		c.advance()
	}
}
