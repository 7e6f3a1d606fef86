// Package model says what is generated, as plain structs. [Build] makes them from the proto files of a request; it decides
// everything that can be decided before text is written: names, paths, comments, policies, and what is an error.
//
// Nothing in a model points back into the request, so models can be compared.
package model

import (
	"maps"

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

// Output is one generated Go file.
type Output struct {
	Package    string   // the name of its Go package
	Path       string   // the import path of its Go package
	File       string   // where the file goes, below the output directory
	Doc        string   // the package comment, one line; "" where another file of the package has it
	Declares   []string // what the Go package declares, in this and in its other files, sorted
	Deprecated bool     // whether the file names something that is deprecated
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

// Kind is the shape of an RPC.
type Kind int

// The kinds of RPC.
const (
	Unary Kind = iota
	ServerStream
	ClientStream
	Bidi
)

// kindOf returns the kind of an RPC by the ends that stream.
func kindOf(requests, responses bool) Kind {
	switch {
	case requests && responses:
		return Bidi
	case requests:
		return ClientStream
	case responses:
		return ServerStream
	default:
		return Unary
	}
}

// String returns the name of the kind, which the runtime's functions have too.
func (k Kind) String() string {
	return [...]string{"Unary", "ServerStream", "ClientStream", "Bidi"}[k]
}

// StreamsRequests reports whether the caller sends a stream.
func (k Kind) StreamsRequests() bool { return k == ClientStream || k == Bidi }

// StreamsResponses reports whether the service answers with a stream.
func (k Kind) StreamsResponses() bool { return k == ServerStream || k == Bidi }

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
