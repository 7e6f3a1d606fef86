// Package model says what is generated, as plain structs. [Build] makes them from the proto files of a request; it decides
// everything that can be decided before text is written: names, paths, comments, policies, and what is an error.
//
// Nothing in a model points back into the request, so models can be compared.
package model

import (
	"maps"
	"slices"

	"github.com/grpcservice/grpcservice/internal/golang"
	"github.com/grpcservice/grpcservice/internal/pattern"
)

// File is what one proto file becomes.
type File struct {
	Source     string       // the path of the proto file
	Descriptor golang.Ident // the variable that describes it
	Service    Output       // the package that serves and calls
	Test       Output       // the package that helps tests
	Services   []Service
	Reasons    []Reasons
}

// Service is one service of a proto file. Its names are made by newNames, and nowhere else.
type Service struct {
	Names
	Name       string       // as the proto spells it
	FullName   string       // with the proto package
	Doc        []string     // the lines of its comment
	Deprecated string       // the sentence that says so, or ""
	Descriptor golang.Ident // the variable that describes the proto file
	Policy     Policy       // what most of its methods have in common
	Methods    []Method
}

// Method is one RPC of a service.
type Method struct {
	Name       string // as the proto spells it
	GoName     string
	FullMethod string // its path, as gRPC spells it
	Const      string // the constant of its path
	Kind       Kind
	Doc        []string // the lines of its comment
	Comment    []string // those of them that the proto has, or one that stands for them
	Deprecated string   // the sentence that says so, or ""
	Input      golang.Ident
	Output     golang.Ident
	Policy     Policy
	OwnPolicy  Policy  // what makes its policy of its service's
	Helper     *Helper // what serves and calls it by its pattern, or nil
}

// links returns the Go packages of the proto files that the packages of the file's helpers link.
func (f File) links(patterns []pattern.Pattern) map[string]string {
	links := make(map[string]string)
	for _, s := range f.Services {
		for _, m := range s.Methods {
			for _, p := range patterns {
				if m.Helper != nil && m.Helper.Pattern == p.Name {
					maps.Copy(links, p.Links)
				}
			}
		}
	}
	return links
}

// StartsOperations reports whether an RPC of the service starts operations.
func (s Service) StartsOperations() bool {
	return slices.ContainsFunc(s.Methods, func(m Method) bool { return m.Helper != nil && m.Helper.Work != "" })
}

// setDoc makes the doc of an RPC, when its helper has got its name.
func (m *Method) setDoc() {
	m.Doc = slices.Clone(m.Comment)
	if m.Helper != nil {
		m.Doc = append(m.Doc, "", "See ["+m.Helper.Name+"].")
	}
	m.Doc = withDeprecation(m.Doc, m.Deprecated)
}

// plainDoc is the comment, behind the name, of an RPC that has none in the proto.
var plainDoc = map[Kind]string{
	Unary:        " takes a request and returns a response.",
	ServerStream: " takes a request and returns a stream of responses.",
	ClientStream: " takes a stream of requests and returns a response.",
	Bidi:         " takes a stream of requests and returns a stream of responses.",
}

// markDeprecated notes which of the two outputs name something deprecated. A package may name what it declares itself; so
// it is for the test package that a deprecated service or RPC counts.
func (f *File) markDeprecated(byMessages bool) {
	f.Service.Deprecated = byMessages
	f.Test.Deprecated = byMessages
	for _, service := range f.Services {
		for _, m := range service.Methods {
			f.Service.Deprecated = f.Service.Deprecated || m.Helper != nil && m.Helper.Deprecated
		}
		f.Test.Deprecated = f.Test.Deprecated || service.Deprecated != ""
		for _, m := range service.Methods {
			f.Test.Deprecated = f.Test.Deprecated || m.Deprecated != ""
		}
	}
}
