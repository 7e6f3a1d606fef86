package model

import (
	"google.golang.org/protobuf/compiler/protogen"

	"github.com/grpcservice/grpcservice/internal/diag"
	"github.com/grpcservice/grpcservice/internal/golang"
	"github.com/grpcservice/grpcservice/internal/pattern"
)

// Helper is the generated variable that serves and calls an RPC by its pattern.
type Helper struct {
	Pattern     string // the name of the pattern
	Name        string
	Summary     string // the first sentence of Doc, without the leading name
	Doc         []string
	Package     string         // the runtime package, such as "page"
	Constructor string         // the constructor in that package
	Types       []golang.Ident // the type arguments that Go cannot infer
	Arguments   any            // the data for helper_<pattern>.go.tmpl, typed by the pattern
	Stub        any            // the starter code of the user's method: the pattern's view.Stub
	Work        string         // the name of the user's method that does the work later; or ""
	Doubt       Doubt          // what the user must check after a method is written
	Deprecated  bool           // whether it refers to something deprecated
	Needs       pattern.Needs  // what it requires of the program
	Takes       []golang.Ident // the type arguments of the dependency that the pattern declares
	Dependency  *Dependency    // that dependency; or nil
}

// Doubt is what the protos leave open about a method that calls a helper. It is zero if they leave
// nothing open.
type Doubt struct {
	At   diag.Position // the RPC
	Text string
}

// helperNames returns the possible names of the helper of an RPC, the preferred one first. They
// start with the name of the service, because several services of a package may have an RPC of the
// same name.
func helperNames(m *protogen.Method, h *Helper) []string {
	name := m.Parent.GoName + m.GoName
	return []string{name, name + capitalized(h.Package)}
}

// setName sets the name of the helper and starts its doc with it.
func (h *Helper) setName(name string) {
	h.Name = name
	h.Doc = append(wrap(name+" "+h.Summary), h.Doc...)
}
