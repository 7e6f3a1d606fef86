package page

import (
	"fmt"
	"slices"

	"github.com/grpcservice/grpcservice/internal/gen/view"
	"github.com/grpcservice/grpcservice/internal/model"
)

// Arguments are the arguments of the helper's constructor, as helper_page.go.tmpl writes them.
type Arguments struct {
	Items  view.Accessor
	Fields []view.HelperField
}

// IsShort reports whether the accessor is a getter, which fits on the line of the preceding code.
func (a Arguments) IsShort() bool { return len(a.Items.Getters) == 1 }

// Helper implements [model.Helped].
func (p *Page) Helper(s *model.Scope) model.Helper {
	stub := p.stub(s)
	h := model.Helper{
		Constructor: "Of",
		Summary:     fmt.Sprintf("serves %s a page at a time, and iterates over all pages.", s.Method().GoName),
		Arguments: Arguments{
			Items: view.OfAccessor(s.Accessor(s.Method().Output.Desc, p.Items)),
			Fields: view.SetFields(
				view.PathField("Items", p.Items), view.PathField("Size", p.Size), view.PathField("Token", p.Token),
				view.PathField("NextToken", p.NextToken), view.PathField("Total", p.Total), view.PathField("Skip", p.Skip),
				view.PathField("IdempotencyKey", p.IdempotencyKey), view.HelperField{Name: "Vary", Values: slices.Clone(p.Vary)},
			),
		},
		Stub: stub,
	}
	if p.Map {
		h.Constructor = "OfMap"
	}
	if stub.KeyGuess != "" {
		h.Doubt = model.Doubt{At: s.Position(), Text: fmt.Sprintf("the new method sorts pages by %s, which the proto does not declare unique; "+
			"if two items can have the same %[1]s, return a unique key in the method, or pages lose items", stub.KeyGuess)}
	}
	return h
}

// Stub is the data of the starter code for a user's method.
type Stub struct {
	Item      view.Type // an element of the list, or a value of the map
	Key       view.Type // of the key after which a page starts; Text is "" if there is none
	KeyGetter string    // the method that returns the key; "" for a map or if the item is the key
	KeyGuess  string    // the key field if only its name identifies it and it may not be unique
	IsMap     bool
	HasTotal  bool
}

// HasKey reports whether a page can start after a key.
func (s Stub) HasKey() bool { return s.Key.Text != "" || s.Key.Ident != nil }

// StubMethod is a user's method, as stub_page.go.tmpl sees it.
type StubMethod struct {
	view.MethodStub
	Stub
}

// Of implements [view.Stub].
func (s Stub) Of(m view.MethodStub) any { return StubMethod{m, s} }

func (p *Page) stub(s *model.Scope) Stub {
	stub := Stub{IsMap: p.Map, HasTotal: len(p.Total) > 0}
	items := p.Items.Field()
	if p.Map {
		stub.Key, stub.Item = view.Type(s.Type(items.MapKey())), view.Type(s.ElementType(items.MapValue()))
	} else {
		stub.Item = view.Type(s.ElementType(items))
		key := keyOf(s, items)
		stub.Key, stub.KeyGetter, stub.KeyGuess = view.Type(key.Type), key.Getter, key.Guess
	}
	if len(p.Token) == 0 {
		stub.Key, stub.KeyGetter, stub.KeyGuess = view.Type{}, "", "" // an offset needs no key
	}
	return stub
}
