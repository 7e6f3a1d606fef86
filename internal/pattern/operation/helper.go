package operation

import (
	"fmt"
	"slices"
	"strings"

	"github.com/grpcservice/grpcservice/internal/gen/view"
	"github.com/grpcservice/grpcservice/internal/golang"
	"github.com/grpcservice/grpcservice/internal/model"
	"github.com/grpcservice/grpcservice/internal/pattern/shape"
)

// Arguments are the arguments of the helper's constructor, as helper_operation.go.tmpl writes them.
type Arguments struct{ Fields []view.HelperField }

// Helper implements [model.Helped].
func (o *Operation) Helper(s *model.Scope) model.Helper {
	failed := ""
	if o.FailedRequests {
		failed = "failed_requests"
	}
	var children shape.Path
	if o.Children != nil {
		children = o.Children.Children
		o.Children.WarnWeaker(s)
	}
	name := s.Method().GoName
	work := "run" + name
	return model.Helper{
		Constructor: "Of",
		Summary:     fmt.Sprintf("starts %s, runs it, and waits for it.", name),
		Types:       []golang.Ident{s.Message(o.Result), s.Message(o.Metadata)},
		Arguments: Arguments{append(view.SetFields(
			view.PathField("IdempotencyKey", o.IdempotencyKey), view.PathField("ValidateOnly", o.ValidateOnly),
			view.PathField("ConflictKey", o.ConflictKey), view.PathField("Children", children),
			view.HelperField{Name: "Single", Value: o.Children.SingleName()}, view.HelperField{Name: "FailedRequests", Value: failed},
		), o.Message.fields()...)},
		Stub: Stub{Result: s.Message(o.Result), Metadata: s.Message(o.Metadata)},
		Work: work,
	}
}

// fields returns the fields of an operation's message that the helper cannot find by their names.
func (m Message) fields() []view.HelperField {
	fields := view.SetFields(
		view.PathField("Name", m.Name), view.PathField("Done", m.Done), view.PathField("Error", m.Error),
		view.PathField("Response", m.Response), view.PathField("Metadata", m.Metadata),
	)
	if m.Status == nil {
		return slices.DeleteFunc(fields, func(f view.HelperField) bool { return strings.ToLower(f.Name) == f.Value })
	}
	return append(fields, view.SetFields(
		view.PathField("Status", m.Status.Field), view.HelperField{Name: "DoneValues", Values: m.Status.Done},
		view.HelperField{Name: "FailedValues", Values: m.Status.Failed},
		view.HelperField{Name: "PendingValue", Value: m.Status.Pending},
		view.HelperField{Name: "RunningValue", Value: m.Status.Running},
		view.PathField("ErrorCode", m.Status.ErrorCode),
	)...)
}

// Stub is the data of the starter code for a user's method and for the method that does the work.
type Stub struct{ Result, Metadata golang.Ident }

// StubMethod is a user's method, as stub_operation.go.tmpl and work_operation.go.tmpl see it.
type StubMethod struct {
	view.MethodStub
	Stub
}

// Of implements [view.Stub].
func (s Stub) Of(m view.MethodStub) any { return StubMethod{m, s} }

// GetterArguments are the arguments of the helper's constructor, as helper_operation_get.go.tmpl
// writes them.
type GetterArguments struct {
	NameField string // the field of the request that contains the name of the operation
	Fields    []view.HelperField
}

// Helper implements [model.Helped].
func (g *Getter) Helper(s *model.Scope) model.Helper {
	return model.Helper{
		Constructor: "GetterOf",
		Summary:     fmt.Sprintf("serves %s from the operations of a manager, and gets them from a server.", s.Method().GoName),
		Arguments:   GetterArguments{NameField: g.Name.String(), Fields: g.Message.fields()},
		Stub:        GetterStub{},
	}
}

// GetterStub is the data of the starter code for a user's method. It adds nothing to that of the
// method.
type GetterStub struct{}

// GetterStubMethod is a user's method, as stub_operation_get.go.tmpl sees it.
type GetterStubMethod struct{ view.MethodStub }

// Of implements [view.Stub].
func (GetterStub) Of(m view.MethodStub) any { return GetterStubMethod{m} }
