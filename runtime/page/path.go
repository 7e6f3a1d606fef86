package page

import (
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/runtime/internal/fieldpath"
)

// path leads from a message to a field, in it or in a message in it. An empty path is of a field that there is not.
type path []protoreflect.FieldDescriptor

// pathOf finds the field that text names: "page.token".
func pathOf(desc protoreflect.MessageDescriptor, text string) (path, error) {
	return fieldpath.Find(desc, text)
}

func (p path) last() protoreflect.FieldDescriptor { return p[len(p)-1] }

// get returns the value of the field in m, the default where it is not set.
func (p path) get(m protoreflect.Message) protoreflect.Value {
	for _, field := range p[:len(p)-1] {
		m = m.Get(field).Message()
	}
	return m.Get(p.last())
}

// holder returns the message in m that has the field, and makes it where it is missing.
func (p path) holder(m protoreflect.Message) protoreflect.Message {
	return fieldpath.Holder(p, m)
}

// set sets the field in m.
func (p path) set(m protoreflect.Message, value protoreflect.Value) { p.holder(m).Set(p.last(), value) }
