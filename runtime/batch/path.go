package batch

import (
	"fmt"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/runtime/internal/fieldpath"
)

// path is where a field is: those before the last are messages, one in the other.
type path []protoreflect.FieldDescriptor

// findPath finds the field that a dotted path of proto names leads to. An empty one is no field, and no error.
func findPath(message protoreflect.MessageDescriptor, dotted string) (path, error) {
	if dotted == "" {
		return nil, nil
	}
	return fieldpath.Find(message, dotted)
}

// findList is findPath for a field that must be there and be repeated.
func findList(message protoreflect.MessageDescriptor, dotted string) (path, error) {
	p, err := findPath(message, dotted)
	if err != nil {
		return nil, err
	}
	if p == nil || !p.last().IsList() {
		return nil, fmt.Errorf("%q of %s is not a repeated field", dotted, message.FullName())
	}
	return p, nil
}

func (p path) last() protoreflect.FieldDescriptor { return p[len(p)-1] }

// holder returns the message that has the last field, made where there is none.
func (p path) holder(m protoreflect.Message) protoreflect.Message {
	return fieldpath.Holder(p, m)
}

// own returns the message that has the last field of a shallow copy, for it to be set: those on the way become copies too. It is nil
// where one of them is not there.
func (p path) own(m protoreflect.Message) protoreflect.Message {
	for _, fd := range p[:len(p)-1] {
		if !m.Has(fd) {
			return nil
		}
		inner := shallow(m.Get(fd).Message(), nil)
		m.Set(fd, protoreflect.ValueOfMessage(inner))
		m = inner
	}
	return m
}

// list returns the repeated field to append to.
func (p path) list(m protoreflect.Message) protoreflect.List {
	return p.holder(m).Mutable(p.last()).List()
}

// messageOf returns msg, of a generated type, by reflection.
func messageOf[T any](msg *T) protoreflect.Message {
	return any(msg).(proto.Message).ProtoReflect() // checked when the method's fields were found
}

// sizeOf returns how many bytes a message has.
func sizeOf[T any](msg *T) int { return proto.Size(messageOf(msg).Interface()) }

// descriptorOf returns what describes the messages of type T.
func descriptorOf[T any]() (protoreflect.MessageDescriptor, error) {
	msg, ok := any((*T)(nil)).(proto.Message)
	if !ok {
		return nil, fmt.Errorf("%T is not a generated message", (*T)(nil))
	}
	return msg.ProtoReflect().Descriptor(), nil
}
