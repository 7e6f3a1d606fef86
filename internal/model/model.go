// Package model describes the generated code as plain structs. [Build] makes them from the proto
// files of a request. It makes every decision that does not require generated text: names, paths,
// comments, policies and errors.
//
// Models hold no references to the request, so they can be compared.
package model

import (
	"maps"
	"slices"

	"github.com/grpcservice/grpcservice/internal/golang"
	"github.com/grpcservice/grpcservice/internal/pattern"
	"github.com/grpcservice/grpcservice/internal/policy"
)

// File is the code generated from one proto file.
type File struct {
	Source     string       // the path of the proto file
	Descriptor golang.Ident // the variable of its descriptor
	Service    Output       // the package with the server and client code
	Test       Output       // the package with the test helpers
	Adapters   Output       // the package with the adapters to the code of protoc-gen-go-grpc
	Services   []Service
	Reasons    []Reasons
}

// Service is one service of a proto file. Only newNames makes its names.
type Service struct {
	Names
	Name       string           // as in the proto
	FullName   string           // with the proto package
	Doc        []string         // the lines of its comment
	Deprecated string           // the deprecation sentence; or ""
	Descriptor golang.Ident     // the variable of the proto file's descriptor
	Policy     Policy           // the policy that most of its methods share
	Balancing  policy.Balancing // how clients distribute its calls
	Methods    []Method
	Comments   []Comment // what agents read about the tools among its RPCs; see toolComments
}

// Method is one RPC of a service.
type Method struct {
	Name       string // as in the proto
	GoName     string
	FullMethod string // its path in gRPC, such as "/library.v1.BookService/GetBook"
	Const      string // the name of the constant for its path
	Kind       Kind
	Doc        []string // the lines of its comment
	Comment    []string // the lines from the proto, or a default line
	Deprecated string   // the deprecation sentence; or ""
	Input      golang.Ident
	Output     golang.Ident
	Policy     Policy
	OwnPolicy  Policy  // what turns its service's policy into its own
	Helper     *Helper // what serves and calls it by its pattern; or nil
}

// links returns the Go packages that the file's helpers link, keyed by the path of the proto file.
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

// HasTools reports whether an RPC of the file is a tool of agents.
func (f File) HasTools() bool {
	return slices.ContainsFunc(f.Services, func(s Service) bool {
		return slices.ContainsFunc(s.Methods, func(m Method) bool { return m.Policy.Tool.Name != "" })
	})
}

// StartsOperations reports whether an RPC of the service starts operations.
func (s Service) StartsOperations() bool {
	return slices.ContainsFunc(s.Methods, func(m Method) bool { return m.Helper != nil && m.Helper.Work != "" })
}

// setDoc builds the doc of an RPC, after its helper is named.
func (m *Method) setDoc() {
	m.Doc = slices.Clone(m.Comment)
	if m.Helper != nil {
		m.Doc = append(m.Doc, "", "See ["+m.Helper.Name+"].")
	}
	m.Doc = withDeprecation(m.Doc, m.Deprecated)
}

// plainDoc is the default comment of an RPC, without the leading name.
var plainDoc = map[Kind]string{
	Unary:        " takes a request and returns a response.",
	ServerStream: " takes a request and returns a stream of responses.",
	ClientStream: " takes a stream of requests and returns a response.",
	Bidi:         " takes a stream of requests and returns a stream of responses.",
}

// markDeprecated records which of the outputs refer to something deprecated. A package may use its
// own deprecated declarations, so a deprecated service or RPC affects only the other packages.
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
	f.Adapters.Deprecated = f.Test.Deprecated
}
