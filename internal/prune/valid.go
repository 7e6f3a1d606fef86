package prune

import (
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// maxDepth is how deep messages nest that are removed. Deeper ones are left to the decoder.
const maxDepth = 100

// isValid reports whether a message decodes. If it is in doubt, it reports false.
func isValid(message protoreflect.MessageDescriptor, b []byte, depth int) bool {
	if depth == 0 || message.RequiredNumbers().Len() > 0 {
		return false
	}
	for len(b) > 0 {
		f, ok := next(&b)
		if !ok {
			return false
		}
		if !f.isBytes {
			continue
		}
		switch fd := fieldOf(message, f.number); {
		case fd == nil:
		case fd.Message() != nil:
			if !isValid(fd.Message(), f.value, depth-1) {
				return false
			}
		case fd.IsList() && !isPacked(fd, f.value):
			return false
		}
	}
	return true
}

// fieldOf returns a field of a message, or an extension of it that the program knows. It returns
// nil if there is none.
func fieldOf(
	message protoreflect.MessageDescriptor, number protowire.Number,
) protoreflect.FieldDescriptor {
	if fd := message.Fields().ByNumber(number); fd != nil {
		return fd
	}
	extension, err := protoregistry.GlobalTypes.FindExtensionByNumber(message.FullName(), number)
	if err != nil {
		return nil
	}
	return extension.TypeDescriptor()
}

// isPacked reports whether a list of scalars decodes.
func isPacked(fd protoreflect.FieldDescriptor, b []byte) bool {
	switch fd.Kind() {
	case protoreflect.StringKind, protoreflect.BytesKind:
		return true
	case protoreflect.Int32Kind, protoreflect.EnumKind:
		for len(b) > 0 {
			_, size := protowire.ConsumeVarint(b)
			if size < 0 {
				return false
			}
			b = b[size:]
		}
		return true
	default:
		return false
	}
}
