package page

import (
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/runtime/internal/fieldpath"
)

// path leads from a message to a field in it or in a nested message. An empty path means that
// there is no field.
type path []protoreflect.FieldDescriptor

// pathOf finds the field at a dotted path: "page.token".
func pathOf(desc protoreflect.MessageDescriptor, text string) (path, error) {
	return fieldpath.Find(desc, text)
}

func (p path) last() protoreflect.FieldDescriptor { return p[len(p)-1] }

// get returns the value of the field in m, or its default if it is unset.
func (p path) get(m protoreflect.Message) protoreflect.Value {
	for _, field := range p[:len(p)-1] {
		m = m.Get(field).Message()
	}
	return m.Get(p.last())
}

// holder returns the message in m that has the field, and creates it if it is unset.
func (p path) holder(m protoreflect.Message) protoreflect.Message {
	return fieldpath.Holder(p, m)
}

func (p path) set(m protoreflect.Message, value protoreflect.Value) { p.holder(m).Set(p.last(), value) }
