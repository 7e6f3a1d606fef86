package prune

import "google.golang.org/protobuf/encoding/protowire"

// field is a field of an encoded message.
type field struct {
	number   protowire.Number
	isBytes  bool
	isVarint bool
	value    []byte // of bytes
	raw      []byte // with its tag
}

// next removes the first field from b.
func next(b *[]byte) (f field, ok bool) {
	number, kind, tag := protowire.ConsumeTag(*b)
	if tag < 0 {
		return f, false
	}
	f = field{number: number, isBytes: kind == protowire.BytesType, isVarint: kind == protowire.VarintType}
	var size int
	if f.isBytes { // most are, and ConsumeFieldValue would read the length twice
		f.value, size = protowire.ConsumeBytes((*b)[tag:])
	} else {
		size = protowire.ConsumeFieldValue(number, kind, (*b)[tag:])
	}
	if size < 0 {
		return f, false
	}
	f.raw, *b = (*b)[:tag+size], (*b)[tag+size:]
	return f, true
}

// count returns the length of a packed list of numbers, each encoded in as few bytes as possible.
func count(f field) (n int, ok bool) {
	for list := f.value; len(list) > 0; n++ {
		value, size := protowire.ConsumeVarint(list)
		if size < 0 || size != protowire.SizeVarint(value) {
			return n, false
		}
		list = list[size:]
	}
	return n, f.isBytes
}

// has reports whether an encoded message sets a field. It reports true if the message is broken.
func has(message []byte, number protowire.Number) bool {
	for len(message) > 0 {
		f, ok := next(&message)
		if !ok || f.number == number {
			return true
		}
	}
	return false
}

// varint returns the value of a field that is one, or 0.
func varint(f field) uint64 {
	if !f.isVarint {
		return 0
	}
	_, _, tag := protowire.ConsumeTag(f.raw)
	value, _ := protowire.ConsumeVarint(f.raw[tag:])
	return value
}
