package upload

import (
	"fmt"

	"github.com/grpcservice/grpcservice/internal/gen/view"
	"github.com/grpcservice/grpcservice/internal/model"
)

// Arguments are the arguments of the helper's constructor, as helper_upload.go.tmpl writes them.
type Arguments struct {
	Header *view.Accessor // nil if there is no header
	Fields []view.HelperField
}

// Helper implements [model.Helped].
func (u *Upload) Helper(s *model.Scope) model.Helper {
	m := s.Method()
	h := model.Helper{
		Constructor: "Of",
		Summary:     fmt.Sprintf("serves %s file by file, and uploads files.", m.GoName),
		Stub:        Stub{},
	}
	arguments := Arguments{Fields: view.SetFields(
		view.PathField("Header", u.Header), view.PathField("Name", u.Name), view.PathField("Data", u.Data),
		view.PathField("Number", u.Number), view.PathField("Offset", u.Offset), view.PathField("Size", u.Size),
		view.PathField("Checksum", u.Checksum), view.PathField("Finish", u.Finish),
	)}
	if len(u.Header) > 0 {
		h.Constructor = "OfHeader"
		header := view.OfAccessor(s.Accessor(m.Input.Desc, u.Header))
		arguments.Header = &header
	}
	h.Arguments = arguments
	return h
}

// Stub is the data of the starter code for a user's method. It adds nothing to that of the method.
type Stub struct{}

// StubMethod is a user's method, as stub_upload.go.tmpl sees it.
type StubMethod struct{ view.MethodStub }

// Of implements [view.Stub].
func (Stub) Of(m view.MethodStub) any { return StubMethod{m} }
