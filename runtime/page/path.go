package page

import (
	"fmt"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/runtime/internal/fieldpath"
	"github.com/grpcservice/grpcservice/runtime/internal/fieldvalue"
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

// textOf finds a string or bytes field.
func textOf(desc protoreflect.MessageDescriptor, text string) (path, error) {
	p, err := pathOf(desc, text)
	if err != nil {
		return nil, err
	}
	if field := p.last(); field.IsList() || field.IsMap() || field.Kind() != protoreflect.StringKind && field.Kind() != protoreflect.BytesKind {
		return nil, fmt.Errorf("%s is %s, not a string or bytes", text, fieldvalue.KindOf(field))
	}
	return p, nil
}

// text returns the text in a field of m.
func (p path) text(m protoreflect.Message) string {
	if value := p.get(m); p.last().Kind() == protoreflect.BytesKind {
		return string(value.Bytes())
	} else {
		return value.String()
	}
}

// setText sets the text in a field of m.
func (p path) setText(m protoreflect.Message, text string) {
	if p.last().Kind() == protoreflect.BytesKind {
		p.set(m, protoreflect.ValueOfBytes([]byte(text)))
		return
	}
	p.set(m, protoreflect.ValueOfString(text))
}

// numberOf finds a field of any integer type. For a wrapper of google.protobuf, the path leads to
// the number in it.
func numberOf(desc protoreflect.MessageDescriptor, text string) (path, error) {
	p, err := pathOf(desc, text)
	if err != nil {
		return nil, err
	}
	if wrapper := p.last().Message(); wrapper != nil && wrapper.ParentFile().Path() == "google/protobuf/wrappers.proto" && !p.last().IsList() {
		p = append(p, wrapper.Fields().ByName("value"))
	}
	return p, fieldvalue.CheckNumber(text, p.last())
}

// number returns the integer in a field of m, at most the maximum of an int64.
func (p path) number(m protoreflect.Message) int64 { return fieldvalue.Number(p.get(m)) }

// setNumber sets the integer in a field of m, to at most the maximum of the field.
func (p path) setNumber(m protoreflect.Message, n int64) {
	kind := p.last().Kind()
	n = min(n, fieldvalue.Highest(kind))
	switch kind {
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		p.set(m, protoreflect.ValueOfInt32(int32(n)))
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		p.set(m, protoreflect.ValueOfUint32(uint32(n)))
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		p.set(m, protoreflect.ValueOfUint64(uint64(n)))
	default:
		p.set(m, protoreflect.ValueOfInt64(n))
	}
}
