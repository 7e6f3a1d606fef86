package model

import (
	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/internal/golang"
	"github.com/grpcservice/grpcservice/internal/pattern/shape"
)

// Accessor reads a field of a message or of a message nested in it.
type Accessor struct {
	Message golang.Ident
	Getters []string // the getter of each field along the path
	Type    Type     // the type of the field read, if there are several getters
}

// Type is the Go type of a field: a text such as "[]*" or "map[string]int32", and the identifier
// that follows it, if any.
type Type struct {
	Text  string
	Ident *golang.Ident // the identifier after the text, or nil
}

// accessor returns the accessor for the field at a path starting at message.
func (b *builder) accessor(s source, m *protogen.Method, message *protogen.Message, path shape.Path) Accessor {
	b.imports(s, m, message.GoIdent, message.Desc)
	a := Accessor{Message: b.ident(message.GoIdent)}
	for _, desc := range path {
		getter, _ := b.field(desc).MethodName("Get")
		a.Getters = append(a.Getters, getter)
	}
	if len(path) > 1 { // otherwise the code does not name the type
		a.Type = b.typeOf(b.field(path.Field()))
		b.importType(s, m, path.Field())
	}
	return a
}

// typeOf returns the result type of the getter of a field.
func (b *builder) typeOf(field *protogen.Field) Type {
	switch {
	case field.Desc.IsMap():
		value := b.typeOf(field.Message.Fields[1])
		value.Text = "map[" + b.typeOf(field.Message.Fields[0]).Text + "]" + value.Text
		return value
	case field.Desc.IsList():
		element := b.elementType(field)
		element.Text = "[]" + element.Text
		return element
	default:
		return b.elementType(field)
	}
}

func (b *builder) elementType(field *protogen.Field) Type {
	switch {
	case field.Message != nil:
		id := b.ident(field.Message.GoIdent)
		return Type{Text: "*", Ident: &id}
	case field.Enum != nil:
		id := b.ident(field.Enum.GoIdent)
		return Type{Ident: &id}
	default:
		return Type{Text: scalarTypes[field.Desc.Kind()]}
	}
}

var scalarTypes = map[protoreflect.Kind]string{
	protoreflect.BoolKind: "bool", protoreflect.StringKind: "string", protoreflect.BytesKind: "[]byte",
	protoreflect.Int32Kind: "int32", protoreflect.Sint32Kind: "int32", protoreflect.Sfixed32Kind: "int32",
	protoreflect.Uint32Kind: "uint32", protoreflect.Fixed32Kind: "uint32",
	protoreflect.Int64Kind: "int64", protoreflect.Sint64Kind: "int64", protoreflect.Sfixed64Kind: "int64",
	protoreflect.Uint64Kind: "uint64", protoreflect.Fixed64Kind: "uint64",
	protoreflect.FloatKind: "float32", protoreflect.DoubleKind: "float64",
}
