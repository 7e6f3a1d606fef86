package policy

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	grpcservicev1 "github.com/grpcservice/grpcservice/proto/grpcservice/v1"
	"github.com/grpcservice/grpcservice/runtime/policy"
)

// leaf is a field of a policy that is set or replaced as a whole.
type leaf struct {
	field string
	value any // in its JSON form
}

// leavesOf returns the fields that a policy sets, ordered by field number.
func leavesOf(p *grpcservicev1.Policy) []leaf { return appendLeaves(nil, "", p.ProtoReflect()) }

func appendLeaves(leaves []leaf, path string, m protoreflect.Message) []leaf {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		fd := fields.Get(i)
		if !m.Has(fd) {
			continue
		}
		field := strings.TrimPrefix(path+"."+string(fd.Name()), ".")
		value := m.Get(fd)
		if fd.IsList() || fd.Message() == nil || isWhole(fd, value.Message()) {
			leaves = append(leaves, leaf{field, plain(fd, value)})
			continue
		}
		leaves = appendLeaves(leaves, field, value.Message())
	}
	return leaves
}

// isWhole reports whether a message is a leaf: it is empty, or is only ever replaced as a whole, as
// auth is.
func isWhole(fd protoreflect.FieldDescriptor, m protoreflect.Message) bool {
	empty := true
	m.Range(func(protoreflect.FieldDescriptor, protoreflect.Value) bool {
		empty = false
		return false
	})
	return empty || policy.IsWhole(fd.Name())
}

// plain returns a value in its JSON form.
func plain(fd protoreflect.FieldDescriptor, value protoreflect.Value) any {
	if !fd.IsList() {
		return plainElement(fd, value)
	}
	list := make([]any, value.List().Len())
	for i := range list {
		list[i] = plainElement(fd, value.List().Get(i))
	}
	return list
}

func plainElement(fd protoreflect.FieldDescriptor, value protoreflect.Value) any {
	switch fd.Kind() {
	case protoreflect.EnumKind:
		if known := fd.Enum().Values().ByNumber(value.Enum()); known != nil {
			return string(known.Name())
		}
		return int32(value.Enum())
	case protoreflect.MessageKind:
		fields := make(map[string]any)
		value.Message().Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
			fields[string(fd.Name())] = plain(fd, v)
			return true
		})
		return fields
	default:
		return value.Interface()
	}
}

// overlap returns the leaf fields that both policies set.
func overlap(a, b *grpcservicev1.Policy) []string {
	var both []string
	of := leavesOf(b)
	for _, l := range leavesOf(a) {
		if slices.ContainsFunc(of, func(other leaf) bool { return other.field == l.field }) {
			both = append(both, l.field)
		}
	}
	return both
}
