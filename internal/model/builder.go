package model

import (
	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/internal/diag"
)

// builder builds the models of a checked request. It reports only the problems that the models
// reveal: conflicting names, and helpers that may be unintended.
type builder struct {
	*request
	imported []imported // what the models name in other packages, in order of use
	problems diag.List
}

// imported is a message or an enum that the code for an RPC names.
type imported struct {
	source source
	method *protogen.Method
	id     protogen.GoIdent
	desc   protoreflect.Descriptor
}

// imports records that the code for an RPC names a message or an enum of another Go package.
func (b *builder) imports(s source, m *protogen.Method, id protogen.GoIdent, desc protoreflect.Descriptor) {
	if id.GoImportPath == s.GoImportPath {
		return
	}
	b.imported = append(b.imported, imported{s, m, id, desc})
}

// importType records that the code for an RPC names the type of a field.
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
