package search

import (
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// sizeOf returns a function that returns how many bytes an item of a list takes when it is encoded.
func sizeOf[T any](list protoreflect.FieldDescriptor) func(T) int {
	tag := protowire.SizeTag(list.Number())
	switch kind := list.Kind(); kind {
	case protoreflect.MessageKind:
		return func(item T) int { return tag + protowire.SizeBytes(proto.Size(any(item).(proto.Message))) }
	case protoreflect.GroupKind:
		return func(item T) int { return 2*tag + proto.Size(any(item).(proto.Message)) }
	case protoreflect.StringKind, protoreflect.BytesKind:
		return func(item T) int { return tag + protowire.SizeBytes(lengthOf(item)) }
	default: // at most; the bytes of numbers are hardly ever what fills a response
		size := protowire.SizeFixed64()
		if kind == protoreflect.BoolKind {
			size = 1
		}
		if !list.IsPacked() {
			size += tag
		}
		return func(T) int { return size }
	}
}

// lengthOf returns the length of a string or a slice of bytes.
func lengthOf[T any](item T) int {
	switch item := any(item).(type) {
	case string:
		return len(item)
	case []byte:
		return len(item)
	}
	return 0
}
