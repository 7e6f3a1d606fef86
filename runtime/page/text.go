package page

import (
	"fmt"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/runtime/internal/fieldvalue"
)

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
