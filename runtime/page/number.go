package page

import (
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/runtime/internal/fieldvalue"
)

// numberOf finds a field of any integer type. For a wrapper of google.protobuf, the path leads to
// the number in it.
func numberOf(desc protoreflect.MessageDescriptor, text string) (path, error) {
	p, err := pathOf(desc, text)
	if err != nil {
		return nil, err
	}
	if wrapper := p.last().Message(); wrapper != nil && wrapper.ParentFile().Path() == "google/protobuf/wrappers.proto" && !p.last().IsList() {
		p = append(p, wrapper.Fields().ByName("value"))
	}
	return p, fieldvalue.CheckNumber(text, p.last())
}

// number returns the integer in a field of m, at most the maximum of an int64.
func (p path) number(m protoreflect.Message) int64 { return fieldvalue.Number(p.get(m)) }

// setNumber sets the integer in a field of m, to at most the maximum of the field.
func (p path) setNumber(m protoreflect.Message, n int64) {
	kind := p.last().Kind()
	n = min(n, fieldvalue.Highest(kind))
	switch kind {
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		p.set(m, protoreflect.ValueOfInt32(int32(n)))
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		p.set(m, protoreflect.ValueOfUint32(uint32(n)))
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		p.set(m, protoreflect.ValueOfUint64(uint64(n)))
	default:
		p.set(m, protoreflect.ValueOfInt64(n))
	}
}
