// Package fieldpath finds the fields that generated code names by path, as in "page.token".
package fieldpath

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// Find returns the fields that a path of proto names leads through: all but the last are singular
// messages.
func Find(message protoreflect.MessageDescriptor, text string) (Path, error) {
	var path Path
	for name := range strings.SplitSeq(text, ".") {
		if message == nil {
			return nil, fmt.Errorf("%s: %s is not a message", text, path[len(path)-1].FullName())
		}
		field := message.Fields().ByName(protoreflect.Name(name))
		if field == nil {
			return nil, fmt.Errorf("%s: %s has no field %s", text, message.FullName(), name)
		}
		path, message = append(path, field), nil
		if !field.IsList() && !field.IsMap() { // a list or map leads nowhere
			message = field.Message()
		}
	}
	return path, nil
}

// Holder returns the message in m that has the last field of a path. It creates the missing
// messages on the way.
func Holder(path Path, m protoreflect.Message) protoreflect.Message {
	for _, field := range path[:len(path)-1] {
		m = m.Mutable(field).Message()
	}
	return m
}
