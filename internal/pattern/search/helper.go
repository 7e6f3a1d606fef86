package search

import (
	"fmt"

	"github.com/grpcservice/grpcservice/internal/gen/view"
	"github.com/grpcservice/grpcservice/internal/model"
)

// Arguments are the arguments of the helper's constructor, as helper_search.go.tmpl writes them.
type Arguments struct {
	Items  *view.Accessor // of the results of a response with several results, or nil
	Fields []view.HelperField
}

// Helper implements [model.Helped].
func (s *Search) Helper(scope *model.Scope) model.Helper {
	m := scope.Method()
	h := model.Helper{
		Constructor: "Of",
		Summary:     fmt.Sprintf("serves the results of %s, and iterates over them.", m.GoName),
		Stub:        Stub{Item: s.item(scope)},
	}
	arguments := Arguments{Fields: view.SetFields(view.PathField("Limit", s.Limit), view.PathField("Items", s.Items))}
	if len(s.Items) > 0 {
		h.Constructor = "OfItems"
		items := view.OfAccessor(scope.Accessor(m.Output.Desc, s.Items))
		arguments.Items = &items
	}
	h.Arguments = arguments
	return h
}

// item returns the Go type of a result.
func (s *Search) item(scope *model.Scope) view.Type {
	if len(s.Items) > 0 {
		return view.Type(scope.ElementType(s.Items.Field()))
	}
	message := scope.Message(scope.Method().Output.Desc)
	return view.Type{Text: "*", Ident: &message}
}

// Stub is the data of the starter code for a user's method.
type Stub struct{ Item view.Type }

// StubMethod is a user's method, as stub_search.go.tmpl sees it.
type StubMethod struct {
	view.MethodStub
	Stub
}

// Of implements [view.Stub].
func (s Stub) Of(m view.MethodStub) any { return StubMethod{m, s} }
