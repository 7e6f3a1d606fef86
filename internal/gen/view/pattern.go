package view

import (
	"slices"

	"github.com/grpcservice/grpcservice/internal/golang"
	"github.com/grpcservice/grpcservice/internal/model"
	"github.com/grpcservice/grpcservice/internal/pattern/shape"
)

// Helper is the variable that serves and calls an RPC according to its pattern.
type Helper struct {
	Pattern     string // the name of the pattern
	Name        string
	Summary     string // the first sentence of Doc, without the leading name
	Doc         []string
	Package     string         // the runtime package, such as "page"
	Constructor string         // the function of that package that creates it
	Types       []golang.Ident // the type arguments that cannot be inferred
	Arguments   any            // the data of the template function arguments
	Stub        any            // the data of the template function stub
	Work        string         // the user's method that does the work later, or ""
	Dependency  *Dependency    // the value that it takes in addition to the request, or nil
	Deprecated  bool           // whether it refers to something deprecated
}

// HelperField is a field of the Fields argument of a helper.
type HelperField struct {
	Name   string
	Value  string
	Values []string // instead of Value
}

// Accessor reads a field of a message or of a nested message.
type Accessor struct {
	Message golang.Ident
	Getters []string // the getter of each field on the path
	Type    Type     // the type of the field, set if there are several getters
}

// Type is the Go type of a field: a text such as "[]*" or "map[string]int32", followed by an
// identifier or not.
type Type struct {
	Text  string
	Ident *golang.Ident // the identifier after the text, or nil
}

// OfAccessor returns the view of an accessor.
func OfAccessor(a model.Accessor) Accessor {
	return Accessor{Message: a.Message, Getters: a.Getters, Type: Type(a.Type)}
}

// PathField returns a field whose value is a path.
func PathField(name string, path shape.Path) HelperField {
	return HelperField{Name: name, Value: path.String()}
}

// SetFields returns the fields that are not empty.
func SetFields(fields ...HelperField) []HelperField {
	return slices.DeleteFunc(fields, func(f HelperField) bool { return f.Value == "" && len(f.Values) == 0 })
}

// Stub is the starter code of a user's method that calls a helper. Each pattern has its own
// implementation.
type Stub interface {
	// Of returns the data that stub_<pattern>.go.tmpl renders for the method.
	Of(MethodStub) any
}
