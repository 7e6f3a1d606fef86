package skeleton

import (
	"github.com/grpcservice/grpcservice/internal/diag"

	"github.com/grpcservice/grpcservice/internal/golang"
)

// Package is a directory of Go files that a user owns, as it is. It may be empty.
type Package struct {
	Dir        string // its path from the working directory, with slashes; for messages
	Name       string // what a new package is called; one that is there keeps its name
	ImportPath string // may be unknown, and then empty
	Doc        []string

	// Files are the directory's Go files by their names in it, all of them: also tests, and files with build tags.
	Files map[string][]byte
}

// Service is a service that a type of the package implements.
type Service struct {
	Name      string       // the full name, for messages: library.v1.BookService
	Type      string       // what a new type is called
	Interface golang.Ident // what it implements
	File      string       // what a new file is called; another name is found where this one is taken or has a meaning for Go
	Decls     []Decl       // what stands above the methods in a new file: the type, its assertion, its constructor
	Methods   []Method
	Tests     []Decl   // the tests that a new type gets; none: no file with tests
	Packages  []string // import paths of messages, beside those of Methods, by which an RPC that is gone is known
}

// Decl is one or more declarations at the level of the package.
type Decl struct {
	Name   string // what it declares, T.name for a method, or "" for an assertion; it is left out where the package has that, unless it is the type
	Render func(golang.Frame) (string, error)
}

// Method is the method that serves an RPC.
type Method struct {
	Name             string       // its name in Go
	Input, Output    golang.Ident // the messages
	StreamsRequests  bool
	StreamsResponses bool
	Render           func(golang.Frame) (string, error)

	// Advice is what the user must know of the new method, or "". It is reported at Proto, in the run
	// that writes the method and in no other.
	Advice string
	Proto  diag.Position
}

// Reader returns the Go files of a package of the user's module by their names in its directory, and false for any other package.
type Reader func(importPath string) (map[string][]byte, bool)

// Result is what a user's package lacks.
type Result struct {
	Files    map[string][]byte // the files that are new or changed, whole, by their names in the directory
	Problems diag.List         // sorted
}
