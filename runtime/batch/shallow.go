package batch

import (
	"google.golang.org/protobuf/reflect/protoreflect"
)

// shallow returns a message with the fields of m, which share their values with it, but for the field omit, if that is not nil.
// To set a field of the copy leaves m as it is.
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

// without returns a shallow copy of m that can be given another list at p.
func (p path) without(m protoreflect.Message) protoreflect.Message {
	c := shallow(m, p[0])
	if len(p) > 1 && m.Has(p[0]) {
		c.Set(p[0], protoreflect.ValueOfMessage(p[1:].without(m.Get(p[0]).Message())))
	}
	return c
}
