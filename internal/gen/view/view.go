// Package view defines the data that templates see. docs/templates.md lists it field by field.
// Users write templates against it, so a field keeps its name and meaning within a version of the
// templates. Package model, from which the view is built, is free to change.
package view

import (
	"github.com/grpcservice/grpcservice/internal/golang"
	"github.com/grpcservice/grpcservice/runtime/policy"
)

// Header is the top of a generated file.
type Header struct {
	Source     string // the path of the proto file
	Deprecated bool   // whether the file refers to something deprecated
	Doc        string // the package comment, one line; "" if another file of the package has it
	Package    string
	Imports    [][]string // the lines of each group
}

// File is the generated code of one proto file.
type File struct {
	Source     string       // the path of the proto file
	Descriptor golang.Ident // the variable with its descriptor
	Service    Output       // the file with servers and clients
	Test       Output       // the file with test helpers
	Adapters   Output       // the file with adapters to the code of protoc-gen-go-grpc
	Services   []Service
	Reasons    []Reasons
}

// Output is one generated Go file.
type Output struct {
	Package    string   // the name of its Go package
	Path       string   // the import path of its Go package
	File       string   // the path of the file below the output directory
	Doc        string   // the package comment, one line; "" if another file of the package has it
	Declares   []string // the names that the Go package declares, in all its files
	Deprecated bool     // whether the file refers to something deprecated
}

// Service is one service of a proto file.
type Service struct {
	Names
	Name             string   // as the proto spells it
	FullName         string   // with the proto package
	Doc              []string // the lines of its comment
	Deprecated       string   // the deprecation notice, or ""
	Descriptor       golang.Ident
	Methods          []Method
	Policy           Policy           // the policy that most of its methods share
	SharesPolicy     bool             // whether its methods share a policy
	Balancing        policy.Balancing // how clients distribute its calls
	HasBalancing     bool             // whether its options state that
	Stock            Stock
	StartsOperations bool      // whether one of its RPCs starts operations
	Comments         []Comment // what agents read about its tools
}

// Comment is the comment of a declaration that a tool of agents needs.
type Comment struct {
	Name string // the full name of the declaration
	Text string
}

// Names are the Go names that are generated for one service.
type Names struct {
	Interface, Unimplemented, Register, NewClient golang.Ident // in the service package
	Config, NameConst, PolicyVar, Table, Client   string       // in the service package
	Serve, Check, Fake, NewFake, FakeType         string       // in the test package
	FromServer, ToServer, FromClient, ToClient    string       // in the package of adapters
	FromServerType, ToServerType                  string       // in the package of adapters
}

// Stock are the names that protoc-gen-go-grpc generates for one service.
type Stock struct{ Server, Unimplemented, Client, NewClient golang.Ident }

// Method is one RPC of a service.
type Method struct {
	Name          string // as the proto spells it
	GoName        string
	FullMethod    string       // the path that gRPC uses
	Const         string       // the constant for the path
	ConstIdent    golang.Ident // the same, for other packages than that of the service
	Kind          Kind
	Doc           []string // the lines of its comment
	Comment       []string // the lines of Doc from the proto, or one line instead
	Deprecated    string   // the deprecation notice, or ""
	Input, Output golang.Ident
	Policy        Policy
	OwnPolicy     Policy  // the fields that override its service's policy
	HasOwnPolicy  bool    // whether its policy differs from its service's
	Helper        *Helper // nil if it has no pattern
}

// Kind is the shape of an RPC: Unary, ServerStream, ClientStream or Bidi.
type Kind string

// String returns the name of the kind, which is also used in the names of runtime functions.
func (k Kind) String() string { return string(k) }

// From returns the function of package gogrpc that adapts a client of protoc-gen-go-grpc.
func (k Kind) From() string { return "From" + string(k) }

// To returns the function of package gogrpc that adapts a generated service.
func (k Kind) To() string { return "To" + string(k) }

// Serve returns the function of package gogrpc that serves a generated service with grpc's streams.
func (k Kind) Serve() string { return "Serve" + string(k) }

// IsUnary reports whether neither side streams.
func (k Kind) IsUnary() bool { return k == "Unary" }

// StreamsRequests reports whether the caller sends a stream.
func (k Kind) StreamsRequests() bool { return k == "ClientStream" || k == "Bidi" }

// StreamsResponses reports whether the service returns a stream.
func (k Kind) StreamsResponses() bool { return k == "ServerStream" || k == "Bidi" }

// Policy is the policy of an RPC, as the runtime represents it.
type Policy struct {
	policy.Policy
	Fields []PolicyField // the fields that the generated code sets
}

// PolicyField is a policy field that the generated code sets.
type PolicyField struct {
	Name  string
	Value any
}

// Reasons lists the error reasons of an enum in the proto.
type Reasons struct {
	Doc    []string // the lines of the enum's comment
	Values []Reason
}

// Reason is the constant for one error reason.
type Reason struct {
	Name  string   // the name of the constant
	Value string   // the domain, a slash, and the reason
	Doc   []string // the lines of the value's comment
}

// App is the main.go of a program.
type App struct {
	Command  string       // the name of its directory
	Package  golang.Ident // the package that implements the services; Name is empty
	Services []AppService
	Names    string   // the names of the services, joined as in a sentence
	Doc      []string // the lines of the program's comment

	Dependencies []Dependency // the dependencies of the services
	Sources      []string     // the names of those that main.go adds to the server's sources of metrics

	// HasTokens, HasIdempotencyKeys and Validates report whether an RPC has page tokens, an
	// idempotency key, or validation rules, respectively.
	HasTokens, HasIdempotencyKeys, Validates bool
	// RequiresAuthentication reports whether an RPC or a dependency requires authentication.
	RequiresAuthentication bool
	// RequiresPermissions reports whether an RPC requires a permission.
	RequiresPermissions bool

	ServesHTTP bool // whether it serves HTTP as well, with runtime/web
}

// AppHeader is the top of the main.go of a program.
type AppHeader struct {
	App     App
	Imports [][]string // the lines of each group
}

// AppService is a service of an [App].
type AppService struct {
	Implementation
	New       golang.Ident // the function that creates its implementation
	CanMake   bool         // whether the program has all arguments of New
	Arguments []string     // the arguments of New: names of dependencies
}
