package batch

import (
	"fmt"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/runtime/internal/fieldpath"
)

// path leads to a field; all but the last are singular messages.
type path []protoreflect.FieldDescriptor

// findPath finds the field at a dotted path of proto names. An empty path is no field and no
// error.
func findPath(message protoreflect.MessageDescriptor, dotted string) (path, error) {
	if dotted == "" {
		return nil, nil
	}
	p, err := fieldpath.Find(message, dotted)
	return path(p), err
}

// findList is findPath for a field that must exist and be repeated.
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

// holder returns the message that has the last field, and creates it if it is unset.
func (p path) holder(m protoreflect.Message) protoreflect.Message {
	return fieldpath.Holder(fieldpath.Path(p), m)
}

// own returns the message that has the last field in a shallow copy, so that the field can be
// set: the messages on the way become copies too. It returns nil if one of them is unset.
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

// list returns the repeated field, to append to.
func (p path) list(m protoreflect.Message) protoreflect.List {
	return p.holder(m).Mutable(p.last()).List()
}

// messageOf returns the reflection of msg, of a generated type.
func messageOf[T any](msg *T) protoreflect.Message {
	return any(msg).(proto.Message).ProtoReflect() // checked when the method's fields were resolved
}

// sizeOf returns the size of a message in bytes.
func sizeOf[T any](msg *T) int { return proto.Size(messageOf(msg).Interface()) }

// descriptorOf returns the descriptor of messages of type T.
func descriptorOf[T any]() (protoreflect.MessageDescriptor, error) {
	msg, ok := any((*T)(nil)).(proto.Message)
	if !ok {
		return nil, fmt.Errorf("%T is not a generated message", (*T)(nil))
	}
	return msg.ProtoReflect().Descriptor(), nil
}

// shallow returns a message that shares the values of m's fields, except for the field omit if
// that is not nil. Setting a field of the copy does not modify m.
func shallow(m protoreflect.Message, omit protoreflect.FieldDescriptor) protoreflect.Message {
	c := m.New()
	m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		if fd != omit {
			c.Set(fd, v)
		}
		return true
	})
	unknown := m.GetUnknown()
	c.SetUnknown(unknown[:len(unknown):len(unknown)])
	return c
}

// without returns a shallow copy of m whose list at p can be replaced.
func (p path) without(m protoreflect.Message) protoreflect.Message {
	c := shallow(m, p[0])
	if len(p) > 1 && m.Has(p[0]) {
		c.Set(p[0], protoreflect.ValueOfMessage(p[1:].without(m.Get(p[0]).Message())))
	}
	return c
}
