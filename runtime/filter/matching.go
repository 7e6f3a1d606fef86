package filter

import (
	"context"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// checkEvery is how much is read of a message between two looks at the context, in bytes and values.
const checkEvery = 64 << 10

// matching is what a filter that searches keeps while it looks at one message. A filter of plain comparisons has none: it is nil.
type matching struct {
	ctx           context.Context
	err           error // of ctx; what was found is of no use then
	read, checked int

	words    []*word
	searched bool
	found    uint64 // which words are in the message
	unpacked map[protoreflect.Message]protoreflect.Message
}

// spend counts n bytes or values that are read, and reports whether to go on.
func (m *matching) spend(n int) bool {
	if m == nil {
		return true
	}
	m.read += n
	if m.read-m.checked >= checkEvery && m.err == nil {
		m.checked = m.read
		m.err = m.ctx.Err()
	}
	return m.err == nil
}

// unpack returns the message in a google.protobuf.Any, if its type is linked. It is decoded once, however many comparisons look
// into it.
func (m *matching) unpack(packed protoreflect.Message) (protoreflect.Message, bool) {
	message, known := m.unpacked[packed]
	if !known {
		message = unpacked(packed)
		if m.unpacked == nil {
			m.unpacked = make(map[protoreflect.Message]protoreflect.Message)
		}
		m.unpacked[packed] = message
	}
	return message, message != nil
}

// unpacked returns the message in a google.protobuf.Any, nil if its type is not linked.
func unpacked(packed protoreflect.Message) protoreflect.Message {
	fields := packed.Descriptor().Fields()
	kind, err := protoregistry.GlobalTypes.FindMessageByURL(packed.Get(fields.ByName("type_url")).String())
	if err != nil {
		return nil
	}
	message := kind.New()
	if proto.Unmarshal(packed.Get(fields.ByName("value")).Bytes(), message.Interface()) != nil {
		return nil
	}
	return message
}
