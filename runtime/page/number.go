package page

import (
	"fmt"
	"math"

	"google.golang.org/protobuf/reflect/protoreflect"
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
	if field := p.last(); field.IsList() || field.IsMap() || highest(field.Kind()) == 0 {
		return nil, fmt.Errorf("%s is %s, not an integer", text, kindOf(field))
	}
	return p, nil
}

// kindOf describes the type of a field.
func kindOf(field protoreflect.FieldDescriptor) string {
	switch {
	case field.IsMap():
		return "a map"
	case field.IsList():
		return "a list"
	case field.Message() != nil:
		return string(field.Message().FullName())
	}
	return field.Kind().String()
}

// highest returns the maximum of a kind of field, at most that of an int64; 0 for kinds that are
// not integers.
func highest(kind protoreflect.Kind) int64 {
	switch kind {
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		return math.MaxInt32
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return math.MaxUint32
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind, protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return math.MaxInt64
	}
	return 0
}

// number returns the integer in a field of m, at most the maximum of an int64.
func (p path) number(m protoreflect.Message) int64 {
	switch value := p.get(m).Interface().(type) {
	case int32:
		return int64(value)
	case int64:
		return value
	case uint32:
		return int64(value)
	case uint64:
		return int64(min(value, math.MaxInt64))
	}
	return 0
}

// setNumber sets the integer in a field of m, to at most the maximum of the field.
func (p path) setNumber(m protoreflect.Message, n int64) {
	kind := p.last().Kind()
	n = min(n, highest(kind))
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
