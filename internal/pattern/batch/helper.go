package batch

import (
	"fmt"
	"slices"

	"google.golang.org/protobuf/compiler/protogen"

	"github.com/grpcservice/grpcservice/internal/gen/view"
	"github.com/grpcservice/grpcservice/internal/model"
)

// Arguments are the arguments of the helper's constructor, as helper_batch.go.tmpl writes them.
type Arguments struct {
	Accessors []view.Accessor // of the items, the results and the value of a result
	Fields    []view.HelperField
}

// Helper implements [model.Helped].
func (b *Batch) Helper(s *model.Scope) model.Helper {
	m := s.Method()
	accessors := []view.Accessor{view.OfAccessor(s.Accessor(m.Input.Desc, b.Children))}
	if b.Mode != Done {
		accessors = append(accessors, view.OfAccessor(s.Accessor(m.Output.Desc, b.Results)))
	}
	if b.Mode == PerItem {
		accessors = append(accessors, view.OfAccessor(s.Accessor(b.Results.Field().Message(), b.Value)))
	}
	b.WarnWeaker(s)
	return model.Helper{
		Constructor: map[Mode]string{Ordered: "Ordered", Keyed: "Keyed", PerItem: "PerItem", Done: "Done"}[b.Mode],
		Summary:     b.summary(m),
		Arguments: Arguments{Accessors: accessors, Fields: view.SetFields(
			view.PathField("Children", b.Children), view.PathField("Results", b.Results), view.PathField("Missing", b.Missing),
			view.PathField("Status", b.Status), view.PathField("Value", b.Value), view.PathField("IdempotencyKey", b.IdempotencyKey),
			view.HelperField{Name: "Hoisted", Values: slices.Clone(b.Hoisted)}, view.HelperField{Name: "Single", Value: b.SingleName()},
		)},
		Stub: b.stub(s),
	}
}

// summary describes the helper for servers and clients.
func (b *Batch) summary(m *protogen.Method) string {
	switch b.Mode {
	case Keyed:
		return fmt.Sprintf("serves %s with one lookup of all items, and splits requests that are too large.", m.GoName)
	case PerItem:
		return fmt.Sprintf("serves %s item by item, each with its own result or error, and splits requests that are too large.", m.GoName)
	default:
		return fmt.Sprintf("serves %s for all items or fails, and splits requests that are too large. If an item fails, only a "+
			"transaction undoes the items before it: batch.WithTx.", m.GoName)
	}
}

// Stub is the data of the starter code for a user's method.
type Stub struct {
	Child, Result view.Type
	Loads         bool   // whether one lookup of all items fits: they are IDs
	Single        string // the method of the same service that does it for one item, or ""
}

// StubMethod is a user's method, as stub_batch.go.tmpl sees it.
type StubMethod struct {
	view.MethodStub
	Stub
}

// Of implements [view.Stub].
func (s Stub) Of(m view.MethodStub) any { return StubMethod{m, s} }

func (b *Batch) stub(s *model.Scope) Stub {
	children := b.Children.Field()
	stub := Stub{Child: view.Type(s.ElementType(children)), Loads: children.Message() == nil && b.Mode != Done}
	switch b.Mode {
	case Keyed:
		stub.Result = view.Type(s.ElementType(b.Results.Field().MapValue()))
	case PerItem:
		stub.Result = view.Type(s.ElementType(b.Value.Field()))
	case Ordered:
		stub.Result = view.Type(s.ElementType(b.Results.Field()))
	default:
		output := s.Ident(s.Method().Output.GoIdent)
		stub.Result = view.Type{Text: "*", Ident: &output}
	}
	stub.Single = b.singleOf(s, stub)
	return stub
}
