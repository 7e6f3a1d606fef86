package batch

import (
	"google.golang.org/protobuf/reflect/protoreflect"
)

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
