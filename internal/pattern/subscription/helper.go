package subscription

import (
	"fmt"

	"github.com/grpcservice/grpcservice/internal/gen/view"
	"github.com/grpcservice/grpcservice/internal/golang"
	"github.com/grpcservice/grpcservice/internal/model"
)

// Arguments are the arguments of the helper's constructor, as helper_subscription.go.tmpl writes
// them.
type Arguments struct{ Fields []view.HelperField }

// Helper implements [model.Helped].
func (f *Subscription) Helper(s *model.Scope) model.Helper {
	m := s.Method()
	summary := fmt.Sprintf("serves %s from a log.", m.GoName)
	if len(f.Position) > 0 {
		summary = fmt.Sprintf("serves %s from a log, and resumes it after a disconnect.", m.GoName)
	}
	return model.Helper{
		Constructor: "Of",
		Summary:     summary,
		Arguments: Arguments{view.SetFields(
			view.PathField("Position", f.Position), view.PathField("NextPosition", f.NextPosition),
			view.PathField("Since", f.Since), view.PathField("Time", f.Time),
			view.PathField("Types", f.Types), view.PathField("Type", f.Type), view.PathField("Lines", f.Lines),
			view.PathField("Level", f.Level), view.PathField("EntryLevel", f.EntryLevel),
		)},
		Takes: []golang.Ident{s.Ident(m.Output.GoIdent)},
		Stub:  Stub{},
	}
}

// Stub is the data of the starter code for a user's method. It adds nothing to that of the method.
type Stub struct{}

// StubMethod is a user's method, as stub_subscription.go.tmpl sees it.
type StubMethod struct{ view.MethodStub }

// Of implements [view.Stub].
func (Stub) Of(m view.MethodStub) any { return StubMethod{m} }
