// Package pattern finds what an RPC does from the shape of its messages. Each pattern has a package below this one, and package
// table lists them. A policy overrides what is found. Every finding has a reason, which is in the report and above the generated
// helper.
package pattern

import (
	"cmp"
	"reflect"

	"github.com/grpcservice/grpcservice/runtime/policy"
)

// Pattern is one row of the table of patterns: everything that the generator has to know of it.
type Pattern struct {
	// Name is how findings, reports and templates spell it. The templates helper_<name>.go.tmpl and stub_<name>.go.tmpl write
	// the arguments of its helper and the body of a user's method.
	Name string
	// Option is the field of the message Policy that configures it. Two rows may share one,
	// and a pattern that nothing overrides has none.
	Option string
	// Is completes the sentence "a method is": "paged".
	Is string
	// What completes the sentence "nothing looks like a": "page".
	What string
	// Docs is the page in docs that explains it.
	Docs string

	// Kinds are the kinds of methods that can have it.
	Kinds Kinds
	// Detect returns what it finds in a method of one of these kinds, or nil. It reports its findings and problems to the method.
	Detect func(*Method) Found
	// Parts are the fields of its option that name fields or messages of a method, the most telling one first.
	Parts []string
	// Shown lists, as a sentence does, the options that give a method the pattern. It is empty where the messages alone decide.
	Shown string
	// Inner is a pattern that a method of this one can have inside, or "". An option that names fields of the inner pattern does
	// not take a method from the outer one.
	Inner string
	// Beside is whether a method can have it in addition to another pattern.
	Beside bool
	// Absent returns what to do where an option sets limits of it for a method that does not have it. It is nil where the general
	// text fits.
	Absent func(Result) string

	// Package is the runtime's package that its helper is from. It is zero where there is no helper.
	Package Package
	// Needs are what its helper needs of the program that serves the method.
	Needs Needs
	// Arguments and Stub are the types that its two templates render; nil where there is no helper.
	Arguments, Stub reflect.Type
	// Works is whether a user's method starts work that another method of theirs does, which work_<name>.go.tmpl writes.
	Works bool
	// Links are the Go packages of proto files that its package links, by the path of the file, beyond those of all programs.
	Links map[string]string
}

// Topic returns what texts call the pattern: its option, or its name where it has none.
func (p Pattern) Topic() string { return cmp.Or(p.Option, p.Name) }

// Package is a Go package that generated code imports.
type Package struct{ Name, Path string }

// Needs are what a helper needs beyond the method itself.
type Needs struct {
	// TokenKeys is whether it seals tokens with the keys of the server.
	TokenKeys bool
	// Dependency is what it takes in addition to the request, or nil.
	Dependency *Dependency
	// Request is whether an empty request is rejected before it reaches the user's code.
	Request bool
}

// Kinds is a set of kinds of methods.
type Kinds int

// The kinds of methods.
const (
	Unary Kinds = 1 << iota
	ServerStream
	ClientStream
	Bidi
)

// Found is what a pattern found in a method. It is a type of the pattern's own package.
type Found interface {
	// Fields returns the fields that the report lists, by the names that options have for them.
	Fields() map[string]any
	// Limits adds the limits that are rules of the method.
	Limits(*policy.Patterns)
}

// Match is a pattern that a method has.
type Match struct {
	Pattern Pattern
	Found   Found
	Finding Finding
}
