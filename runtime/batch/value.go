package batch

import (
	"encoding/binary"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// values converts what the getters of a field return to reflection values.
type values[T any] struct {
	of func(T) protoreflect.Value
	// absent reports whether a message is nil; it returns false for all other types.
	absent func(T) bool
	// size returns an upper bound for the size of a value in a list, in bytes.
	size func(T) int
}

// valuesOf returns the values of a field, or of the elements of a repeated field.
func valuesOf[T any](fd protoreflect.FieldDescriptor) (values[T], error) {
	v, err := convertersOf[T](fd)
	tag := protowire.SizeTag(fd.Number())
	switch any(*new(T)).(type) {
	case proto.Message:
		v.size = func(value T) int { return tag + protowire.SizeBytes(proto.Size(any(value).(proto.Message))) }
	case string:
		v.size = func(value T) int { return tag + protowire.SizeBytes(len(any(value).(string))) }
	case []byte:
		v.size = func(value T) int { return tag + protowire.SizeBytes(len(any(value).([]byte))) }
	default: // a number
		v.size = func(T) int { return tag + binary.MaxVarintLen64 }
	}
	return v, err
}

// convertersOf is valuesOf without sizes.
func convertersOf[T any](fd protoreflect.FieldDescriptor) (values[T], error) {
	var zero T
	switch v := any(zero).(type) {
	case proto.Message:
		if fd.Message() == nil || v.ProtoReflect().Descriptor().FullName() != fd.Message().FullName() {
			break
		}
		return values[T]{
			of: func(v T) protoreflect.Value {
				return protoreflect.ValueOfMessage(any(v).(proto.Message).ProtoReflect())
			},
			absent: func(v T) bool { return !any(v).(proto.Message).ProtoReflect().IsValid() },
		}, nil
	case protoreflect.Enum:
		if fd.Enum() == nil {
			break
		}
		return values[T]{
			of:     func(v T) protoreflect.Value { return protoreflect.ValueOfEnum(any(v).(protoreflect.Enum).Number()) },
			absent: func(T) bool { return false },
		}, nil
	case bool, int32, int64, uint32, uint64, float32, float64, string, []byte:
		if !holds(fd.Kind(), v) {
			break
		}
		return values[T]{
			of:     func(v T) protoreflect.Value { return protoreflect.ValueOf(any(v)) },
			absent: func(T) bool { return false },
		}, nil
	}
	return values[T]{}, fmt.Errorf("%s does not hold %T", fd.FullName(), zero)
}

// holds reports whether a field of a scalar kind has values of v's type.
func holds(kind protoreflect.Kind, v any) (ok bool) {
	switch kind {
	case protoreflect.BoolKind:
		_, ok = v.(bool)
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		_, ok = v.(int32)
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		_, ok = v.(int64)
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		_, ok = v.(uint32)
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		_, ok = v.(uint64)
	case protoreflect.FloatKind:
		_, ok = v.(float32)
	case protoreflect.DoubleKind:
		_, ok = v.(float64)
	case protoreflect.StringKind:
		_, ok = v.(string)
	case protoreflect.BytesKind:
		_, ok = v.([]byte)
	}
	return ok
}
