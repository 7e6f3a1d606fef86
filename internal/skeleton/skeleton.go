package skeleton

import (
	"github.com/grpcservice/grpcservice/internal/diag"

	"github.com/grpcservice/grpcservice/internal/golang"
)

// Package is a directory of Go files that a user owns. It may be empty.
type Package struct {
	Dir        string // its path from the working directory, with slashes; for messages
	Name       string // the name of a new package; an existing one keeps its name
	ImportPath string // "" if unknown
	Doc        []string

	// Files are all Go files of the directory by name, including tests and files with build tags.
	Files map[string][]byte
}

// Service is a service that a type of the package implements.
type Service struct {
	Name      string       // the full name, for messages: library.v1.BookService
	Type      string       // the name of a new type
	Interface golang.Ident // the interface of the service
	File      string       // the name of a new file, unless it is taken or has a meaning for Go
	Decls     []Decl       // the declarations above the methods in a new file
	Methods   []Method
	Tests     []Decl   // the tests of a new type; without them, no file with tests
	Packages  []string // import paths of messages, besides those of Methods, that identify removed RPCs
}

// Decl is one or more declarations at package level. It is omitted if the package declares its
// name, unless it is the type of a service.
type Decl struct {
	Name   string // the declared name, T.name for a method, "" for an assertion
	Render func(golang.Frame) (string, error)
}

// Method is the method that serves an RPC.
type Method struct {
	Name             string       // its name in Go
	Input, Output    golang.Ident // the messages
	StreamsRequests  bool
	StreamsResponses bool
	Render           func(golang.Frame) (string, error)

	// Advice is what the user must know about the new method, or "". It is reported at Proto, only
	// in the run that writes the method.
	Advice string
	Proto  diag.Position
}

// Reader returns the Go files of a package of the user's module by name, and false for any other
// package.
type Reader func(importPath string) (map[string][]byte, bool)

// Result is the change of a user's package.
type Result struct {
	Files    map[string][]byte // the new content of new and changed files, by name
	Problems diag.List         // sorted
}
