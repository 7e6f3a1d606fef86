package operation

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// fieldPath leads from a message to a field of it or of a nested singular message. It is empty if
// there is no field.
type fieldPath []protoreflect.FieldDescriptor

// resolvePath finds the field that text names in message: "name", "operation.done".
func resolvePath(message protoreflect.MessageDescriptor, text string) (fieldPath, error) {
	var path fieldPath
	for name := range strings.SplitSeq(text, ".") {
		if message == nil {
			return nil, fmt.Errorf("%s: %s is no message that has fields", text, path[len(path)-1].FullName())
		}
		field := message.Fields().ByName(protoreflect.Name(name))
		if field == nil {
			return nil, fmt.Errorf("%s: %s has no field %s", text, message.FullName(), name)
		}
		path, message = append(path, field), nil
		if field.Cardinality() != protoreflect.Repeated {
			message = field.Message()
		}
	}
	return path, nil
}

// field returns the descriptor of the last field.
func (p fieldPath) field() protoreflect.FieldDescriptor { return p[len(p)-1] }

// get returns the value at the path in m, or false if it is unset.
func (p fieldPath) get(m protoreflect.Message) (value protoreflect.Value, ok bool) {
	if len(p) == 0 {
		return value, false
	}
	for _, field := range p[:len(p)-1] {
		m = m.Get(field).Message()
	}
	return m.Get(p.field()), m.Has(p.field())
}

// holder returns the message in m that has the field, and creates unset messages on the way.
func (p fieldPath) holder(m protoreflect.Message) protoreflect.Message {
	for _, field := range p[:len(p)-1] {
		m = m.Mutable(field).Message()
	}
	return m
}

// text returns the string at the path.
func (p fieldPath) text(m protoreflect.Message) string {
	value, ok := p.get(m)
	if !ok {
		return ""
	}
	return value.String()
}

// Full names of messages that make up operations.
const (
	anyName       protoreflect.FullName = "google.protobuf.Any"
	statusName    protoreflect.FullName = "google.rpc.Status"
	timestampName protoreflect.FullName = "google.protobuf.Timestamp"
)

func isText(f protoreflect.FieldDescriptor) bool {
	return f.Kind() == protoreflect.StringKind && !f.IsList()
}

func isBool(f protoreflect.FieldDescriptor) bool {
	return f.Kind() == protoreflect.BoolKind && !f.IsList()
}

func isMessage(f protoreflect.FieldDescriptor) bool {
	return f.Message() != nil && !f.IsList() && !f.IsMap()
}

func isTimestamp(f protoreflect.FieldDescriptor) bool {
	return isMessage(f) && f.Message().FullName() == timestampName
}

func isScalar(f protoreflect.FieldDescriptor) bool {
	return f.Message() == nil && !f.IsList()
}

// isFailures reports whether a field is a map<int32, google.rpc.Status>.
func isFailures(f protoreflect.FieldDescriptor) bool {
	if !f.IsMap() || f.MapKey().Kind() != protoreflect.Int32Kind {
		return false
	}
	failure := f.MapValue().Message()
	return failure != nil && failure.FullName() == statusName
}

// transfer copies from into to, which is empty and of the same type, perhaps with another Go type.
func transfer(to protoreflect.Message, from proto.Message) error {
	if to.Descriptor() == from.ProtoReflect().Descriptor() {
		proto.Merge(to.Interface(), from)
		return nil
	}
	encoded, err := proto.Marshal(from)
	if err != nil {
		return err
	}
	return proto.Unmarshal(encoded, to.Interface())
}

// reflectionOf returns the reflection of a message known only by its Go type.
func reflectionOf(m any) (protoreflect.Message, error) {
	if m, ok := m.(proto.Message); ok {
		return m.ProtoReflect(), nil
	}
	return nil, fmt.Errorf("%T is no message", m)
}
