package model

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/internal/diag"
	"github.com/grpcservice/grpcservice/internal/pattern"
)

// Stub is what the first version of a method in a user's file, which calls the RPC's helper, has to spell.
type Stub struct {
	// Of a page.
	Item      Type          // an item of the list, or of a map its value
	Key       Type          // what the list can be read from, in its order; without text where nothing is found for it
	KeyGetter string        // the item's method that returns the key; nothing where the item is the key, and of a map
	KeyGuess  string        // the field that the key is, where only its name says that it identifies items, which people's names do not
	KeyAt     diag.Position // where the RPC of a KeyGuess is declared
	IsMap     bool
	HasTotal  bool

	// Of a batch.
	Child, Result Type
	Loads         bool   // whether one look-up of all children fits: they are ids
	Single        string // the method of the same service that does it for one child, or nothing

	// Of an operation.
	Work string // the name of the method that does the work
}

// isNone says whether there is no type.
func (t Type) isNone() bool { return t.Text == "" && t.Ident == nil }

// HasKey says whether a page can begin behind a key.
func (s Stub) HasKey() bool { return !s.Key.isNone() }

func (b *builder) stubOf(m *protogen.Method, found pattern.Result) Stub {
	switch {
	case found.Page != nil:
		return b.pageStub(m, found.Page)
	case found.Batch != nil:
		return b.batchStub(m, found.Batch)
	default:
		return Stub{Work: "run" + m.GoName}
	}
}

func (b *builder) pageStub(m *protogen.Method, p *pattern.Page) Stub {
	s := Stub{IsMap: p.Map, HasTotal: len(p.Total) > 0}
	items := b.field(p.Items.Field())
	if p.Map {
		s.Key, s.Item = b.typeOf(items.Message.Fields[0]), b.elementType(items.Message.Fields[1])
	} else {
		s.Item = b.elementType(items)
		key := b.keyOf(m, items)
		s.Key, s.KeyGetter, s.KeyGuess, s.KeyAt = key.Type, key.Getter, key.Guess, atRPC(m)
	}
	if len(p.Token) == 0 {
		s.Key, s.KeyGetter, s.KeyGuess = Type{}, "", "" // a list that is paged by its offset has no place for a key
	}
	return s
}

// isKey says whether values of a kind can be compared and ordered.
func isKey(kind protoreflect.Kind) bool {
	switch kind {
	case protoreflect.StringKind, protoreflect.Int32Kind, protoreflect.Int64Kind, protoreflect.Uint32Kind, protoreflect.Uint64Kind,
		protoreflect.Sint32Kind, protoreflect.Sint64Kind, protoreflect.Fixed32Kind, protoreflect.Fixed64Kind,
		protoreflect.Sfixed32Kind, protoreflect.Sfixed64Kind:
		return true
	default:
		return false
	}
}

func (b *builder) batchStub(m *protogen.Method, batch *pattern.Batch) Stub {
	children := b.field(batch.Children.Field())
	s := Stub{Child: b.elementType(children), Loads: children.Message == nil && batch.Mode != pattern.Done}
	output := b.ident(m.Output.GoIdent)
	s.Result = Type{Text: "*", Ident: &output}
	switch batch.Mode {
	case pattern.Keyed:
		s.Result = b.elementType(b.field(batch.Results.Field()).Message.Fields[1])
	case pattern.PerItem:
		s.Result = b.elementType(b.field(batch.Value.Field()))
	case pattern.Ordered:
		s.Result = b.elementType(b.field(batch.Results.Field()))
	}
	s.Single = singleOf(m, batch, s)
	return s
}

// singleOf returns the method that does for one child what a batch does for all, if it takes the child and returns the result.
func singleOf(m *protogen.Method, batch *pattern.Batch, s Stub) string {
	if batch.Single == nil {
		return ""
	}
	i := slices.IndexFunc(m.Parent.Methods, func(other *protogen.Method) bool { return other.Desc == batch.Single })
	if i < 0 {
		return ""
	}
	single := m.Parent.Methods[i]
	isUnary := !single.Desc.IsStreamingClient() && !single.Desc.IsStreamingServer()
	if !isUnary || !s.Child.is(single.Input.GoIdent) || !s.Result.is(single.Output.GoIdent) {
		return ""
	}
	return single.GoName
}

// is says whether a type is a pointer to a message.
func (t Type) is(message protogen.GoIdent) bool {
	return t.Text == "*" && t.Ident != nil && t.Ident.Name == message.GoName && t.Ident.Path == string(message.GoImportPath)
}

// snakeCase returns a name of Go or of a message as files and fields are called: HTTPService becomes http_service.
func snakeCase(name string) string {
	var out strings.Builder
	for i := range len(name) {
		c := name[i]
		isUpper := 'A' <= c && c <= 'Z'
		if isUpper && i > 0 && name[i-1] != '_' {
			before := name[i-1]
			beginsWord := i+1 < len(name) && 'a' <= name[i+1] && name[i+1] <= 'z'
			if !('A' <= before && before <= 'Z') || beginsWord {
				out.WriteByte('_')
			}
		}
		if isUpper {
			c += 'a' - 'A'
		}
		out.WriteByte(c)
	}
	return out.String()
}
