package model

import (
	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/internal/diag"
)

// builder makes models of a request that has been checked. What only the models show it reports itself:
// names that clash, and helpers that may not be meant.
type builder struct {
	*request
	imported []imported // what the models name of other packages, in the order in which they do
	problems diag.List
}

// imported is a message or an enum that the code for an RPC names.
type imported struct {
	source source
	method *protogen.Method
	id     protogen.GoIdent
	desc   protoreflect.Descriptor
}

// imports notes that the code for an RPC names a message or an enum.
func (b *builder) imports(s source, m *protogen.Method, id protogen.GoIdent, desc protoreflect.Descriptor) {
	b.imported = append(b.imported, imported{s, m, id, desc})
}

// importType notes that the code for an RPC names the type of a field.
func (b *builder) importType(s source, m *protogen.Method, field protoreflect.FieldDescriptor) {
	if field.IsMap() {
		field = field.MapValue()
	}
	switch of := b.field(field); {
	case of.Message != nil:
		b.imports(s, m, of.Message.GoIdent, of.Message.Desc)
	case of.Enum != nil:
		b.imports(s, m, of.Enum.GoIdent, of.Enum.Desc)
	}
}
