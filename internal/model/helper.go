package model

import (
	"google.golang.org/protobuf/compiler/protogen"

	"github.com/grpcservice/grpcservice/internal/diag"
	"github.com/grpcservice/grpcservice/internal/golang"
	"github.com/grpcservice/grpcservice/internal/pattern"
)

// Helper is the variable that serves and calls an RPC by its pattern.
type Helper struct {
	Pattern     string // its name
	Name        string
	Summary     string // the first sentence of Doc, without the name that starts it
	Doc         []string
	Package     string         // the runtime's package: "page"
	Constructor string         // the function of that package that makes it
	Types       []golang.Ident // the type arguments that do not follow from the rest
	Arguments   any            // what helper_<pattern>.go.tmpl renders: a type of the pattern's package
	Stub        any            // what a user's method spells at first: a view.Stub of the pattern's package
	Work        string         // the name of the user's method that does the work later, or ""
	Doubt       Doubt          // what the user has to check once a method is written
	Deprecated  bool           // whether it names something that is deprecated
	Needs       pattern.Needs  // what it needs of the program
	Takes       []golang.Ident // the type arguments of the dependency that the pattern's row declares
	Dependency  *Dependency    // that dependency, or nil
}

// Doubt is what the protos leave open about a method that calls a helper. It is zero where they do not.
type Doubt struct {
	At   diag.Position // the RPC
	Text string
}

// helperNames returns the names that the helper of an RPC may have, the preferred one first. They start with the service, as
// more than one service of a package may have an RPC of that name.
func helperNames(m *protogen.Method, h *Helper) []string {
	name := m.Parent.GoName + m.GoName
	return []string{name, name + capitalized(h.Package)}
}

// setName names the helper.
func (h *Helper) setName(name string) {
	h.Name = name
	h.Doc = append(wrap(name+" "+h.Summary), h.Doc...)
}
