// Package view is what templates see: plain data, listed in docs/templates.md field by field. People
// write templates against it, so a field keeps its name and its meaning for as long as the version of
// templates lasts. Package model, which it is made of, is free to change.
package view

import (
	"github.com/grpcservice/grpcservice/internal/golang"
	"github.com/grpcservice/grpcservice/runtime/policy"
)

// Header is the top of a generated file.
type Header struct {
	Source     string // the path of the proto file
	Deprecated bool   // whether the file names something that is deprecated
	Doc        string // the package comment, one line; "" where another file of the package has it
	Package    string
	Imports    [][]string // the lines of each group
}

// File is what one proto file becomes.
type File struct {
	Source     string       // the path of the proto file
	Descriptor golang.Ident // the variable that describes it
	Service    Output       // the file that serves and calls
	Test       Output       // the file that helps tests
	Services   []Service
	Reasons    []Reasons
}

// Output is one generated Go file.
type Output struct {
	Package    string   // the name of its Go package
	Path       string   // the import path of its Go package
	File       string   // where the file goes, below the output directory
	Doc        string   // the package comment, one line; "" where another file of the package has it
	Declares   []string // what the Go package declares, in all its files
	Deprecated bool     // whether the file names something that is deprecated
}

// Service is one service of a proto file.
type Service struct {
	Names
	Name             string   // as the proto spells it
	FullName         string   // with the proto package
	Doc              []string // the lines of its comment
	Deprecated       string   // the sentence that says so, or ""
	Descriptor       golang.Ident
	Methods          []Method
	Policy           Policy // what most of its methods have in common
	SharesPolicy     bool   // whether they have anything in common
	StartsOperations bool   // whether an RPC of it does
}

// Names are the Go names that are generated for one service.
type Names struct {
	Interface, Unimplemented, Register, NewClient golang.Ident // of the service package
	Config, NameConst, PolicyVar, Table, Client   string       // of the service package
	Serve, Check, Fake, NewFake, FakeType         string       // of the test package
}

// Method is one RPC of a service.
type Method struct {
	Name          string // as the proto spells it
	GoName        string
	FullMethod    string // its path, as gRPC spells it
	Const         string // the constant of its path
	Kind          Kind
	Doc           []string // the lines of its comment
	Comment       []string // those of them that the proto has, or one that stands for them
	Deprecated    string   // the sentence that says so, or ""
	Input, Output golang.Ident
	Policy        Policy
	OwnPolicy     Policy  // what makes its policy of its service's
	HasOwnPolicy  bool    // whether its policy is not that of its service
	Helper        *Helper // nil where it has no pattern
}

// Kind is the shape of an RPC: Unary, ServerStream, ClientStream or Bidi.
type Kind string

// String returns the name of the kind, which the runtime's functions have too.
func (k Kind) String() string { return string(k) }

// StreamsRequests reports whether the caller sends a stream.
func (k Kind) StreamsRequests() bool { return k == "ClientStream" || k == "Bidi" }

// StreamsResponses reports whether the service returns a stream.
func (k Kind) StreamsResponses() bool { return k == "ServerStream" || k == "Bidi" }

// Policy is the policy of an RPC, as the runtime has it.
type Policy struct {
	policy.Policy
	Fields []PolicyField // those that are written
}

// PolicyField is a field of a policy that is written.
type PolicyField struct {
	Name  string
	Value any
}

// Reasons are the reasons of errors that an enum of the proto lists.
type Reasons struct {
	Doc    []string // the lines of the enum's comment
	Values []Reason
}

// Reason is one reason: a constant.
type Reason struct {
	Name  string   // of the constant
	Value string   // the domain, a slash, and the reason
	Doc   []string // the lines of the value's comment
}

// App is the main.go of a program.
type App struct {
	Command  string       // the name of its directory
	Package  golang.Ident // the package that implements the services, without a name
	Services []AppService
	Names    string   // the names of the services, as a sentence lists them
	Doc      []string // the comment of the program

	Dependencies []Dependency // what the services are made with

	// Whether an RPC has page tokens, an idempotency key, rules for its request.
	HasTokens, HasIdempotencyKeys, Validates bool
	// RequiresAuthentication is whether an RPC or a dependency requires authentication.
	RequiresAuthentication bool
}

// AppHeader is the top of the main.go of a program.
type AppHeader struct {
	App     App
	Imports [][]string // the lines of each group
}

// AppService is a service of an [App].
type AppService struct {
	Implementation
	New       golang.Ident // the function that makes its implementation
	CanMake   bool         // whether the program has all arguments of New
	Arguments []string     // of New: names of dependencies
}
