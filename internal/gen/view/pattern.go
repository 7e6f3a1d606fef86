package view

import (
	"slices"

	"github.com/grpcservice/grpcservice/internal/golang"
	"github.com/grpcservice/grpcservice/internal/model"
	"github.com/grpcservice/grpcservice/internal/pattern/shape"
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
	Arguments   any            // the other arguments, for the function arguments
	Stub        any            // what a user's method spells at first, for the function stub
	Work        string         // the name of the user's method that does the work later, or ""
	Dependency  *Dependency    // what it takes in addition to the request, or nil
	Deprecated  bool           // whether it names something that is deprecated
}

// HelperField is a field of the argument Fields of a helper.
type HelperField struct {
	Name   string
	Value  string
	Values []string // instead of Value
}

// Accessor reads a field of a message, or of a message in it.
type Accessor struct {
	Message golang.Ident
	Getters []string // the name of the method for each field on the way
	Type    Type     // of what is read, where there are several getters
}

// Type is the Go type of a field: "[]*" before an identifier, "map[string]int32", or the like.
type Type struct {
	Text  string
	Ident *golang.Ident // what follows the text, or nil
}

// OfAccessor returns what templates see of an accessor.
func OfAccessor(a model.Accessor) Accessor {
	return Accessor{Message: a.Message, Getters: a.Getters, Type: Type(a.Type)}
}

// PathField returns the field of a path.
func PathField(name string, path shape.Path) HelperField {
	return HelperField{Name: name, Value: path.String()}
}

// SetFields returns the fields that are not empty.
func SetFields(fields ...HelperField) []HelperField {
	return slices.DeleteFunc(fields, func(f HelperField) bool { return f.Value == "" && len(f.Values) == 0 })
}

// Stub is what the first version of a user's method spells that calls a helper. It is a type of the
// pattern's own package.
type Stub interface {
	// Of returns what stub_<pattern>.go.tmpl renders for the method.
	Of(MethodStub) any
}
