package fieldvalue

import (
	"fmt"
	"math"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// CheckNumber returns an error if a field, which a user calls name, is not an integer.
func CheckNumber(name string, field protoreflect.FieldDescriptor) error {
	if field.IsList() || field.IsMap() || Highest(field.Kind()) == 0 {
		return fmt.Errorf("%s is %s, not an integer", name, KindOf(field))
	}
	return nil
}

// KindOf describes the type of a field.
func KindOf(field protoreflect.FieldDescriptor) string {
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

// Highest returns the maximum of a kind of field, at most that of an int64; 0 for kinds that are
// not integers.
func Highest(kind protoreflect.Kind) int64 {
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

// Number returns an integer, at most the maximum of an int64; 0 if the value is not one.
func Number(value protoreflect.Value) int64 {
	switch value := value.Interface().(type) {
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
