// Package fieldvalue converts between Go values and values of fields that are known by reflection.
package fieldvalue

import (
	"fmt"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Converter converts a Go value to the value of a field; false if it is nil.
type Converter[T any] func(T) (protoreflect.Value, bool)

// To returns the converter of values of type T for a field, or for the elements of a list field.
func To[T any](field protoreflect.FieldDescriptor) (Converter[T], error) {
	var zero T
	switch zero := any(zero).(type) {
	case proto.Message:
		if field.Message() != nil && zero.ProtoReflect().Descriptor() == field.Message() {
			return convertMessage[T], nil
		}
	case protoreflect.Enum:
		if field.Enum() != nil && zero.Descriptor() == field.Enum() {
			return convertEnum[T], nil
		}
	default:
		if holds(field.Kind(), zero) {
			return convertScalar[T], nil
		}
	}
	return nil, fmt.Errorf("%s does not hold %T", field.FullName(), zero)
}

func convertMessage[T any](value T) (protoreflect.Value, bool) {
	message := any(value).(proto.Message).ProtoReflect()
	return protoreflect.ValueOfMessage(message), message.IsValid()
}

func convertEnum[T any](value T) (protoreflect.Value, bool) {
	return protoreflect.ValueOfEnum(any(value).(protoreflect.Enum).Number()), true
}

func convertScalar[T any](value T) (protoreflect.Value, bool) {
	switch value := any(value).(type) { // the frequent ones without an allocation
	case string:
		return protoreflect.ValueOfString(value), true
	case []byte:
		return protoreflect.ValueOfBytes(value), true
	}
	return protoreflect.ValueOf(any(value)), true
}

// holds reports whether fields of a kind hold values of zero's type, which is neither a message
// nor an enum.
func holds(kind protoreflect.Kind, zero any) bool {
	switch zero.(type) {
	case bool:
		return kind == protoreflect.BoolKind
	case int32:
		return kind == protoreflect.Int32Kind || kind == protoreflect.Sint32Kind || kind == protoreflect.Sfixed32Kind
	case int64:
		return kind == protoreflect.Int64Kind || kind == protoreflect.Sint64Kind || kind == protoreflect.Sfixed64Kind
	case uint32:
		return kind == protoreflect.Uint32Kind || kind == protoreflect.Fixed32Kind
	case uint64:
		return kind == protoreflect.Uint64Kind || kind == protoreflect.Fixed64Kind
	case float32:
		return kind == protoreflect.FloatKind
	case float64:
		return kind == protoreflect.DoubleKind
	case string:
		return kind == protoreflect.StringKind
	case []byte:
		return kind == protoreflect.BytesKind
	}
	return false
}
