package policy

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v4"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// wantOf describes the values that a field accepts.
func wantOf(fd protoreflect.FieldDescriptor) string {
	switch fd.Kind() {
	case protoreflect.StringKind:
		return `a string; put it in quotes, and give a duration its unit, as in "2s"`
	case protoreflect.BoolKind:
		return "true or false"
	case protoreflect.Int32Kind:
		return "a whole number of 32 bits"
	case protoreflect.Int64Kind:
		return "a whole number of 64 bits"
	case protoreflect.DoubleKind:
		return "a number"
	case protoreflect.EnumKind:
		return "one of " + valueNames(fd.Enum())
	default:
		return "a value of " + fd.Kind().String()
	}
}

// valueNames lists the values of an enum except the zero value.
func valueNames(enum protoreflect.EnumDescriptor) string {
	var names []string
	for i := range enum.Values().Len() {
		if value := enum.Values().Get(i); value.Number() != 0 {
			names = append(names, string(value.Name()))
		}
	}
	return strings.Join(names, ", ")
}

// fieldNames lists the names of the fields of a message.
func fieldNames(message protoreflect.MessageDescriptor) []string {
	names := make([]string, message.Fields().Len())
	for i := range names {
		names[i] = string(message.Fields().Get(i).Name())
	}
	return names
}

// spell describes a node for a problem text.
func spell(node *yaml.Node) string {
	const longest = 60
	switch {
	case node.Kind == yaml.MappingNode:
		return "a mapping"
	case node.Kind == yaml.SequenceNode:
		return "a list"
	case node.ShortTag() == "!!null":
		return "empty"
	case node.ShortTag() != "!!str":
		return fmt.Sprintf("%.*s", longest, node.Value)
	default:
		return fmt.Sprintf("%.*q", longest, node.Value)
	}
}

// prefix returns the start of a problem text about a field, or "" for the file as a whole.
func prefix(field string) string {
	if field == "" {
		return ""
	}
	return field + ": "
}
