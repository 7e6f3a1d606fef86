// Package pattern detects what an RPC does from the shape of its messages. Each pattern is a
// subpackage, and package table lists them. A policy overrides detection. Every finding has a
// reason, which appears in the report and above the generated helper.
package pattern

import (
	"cmp"
	"reflect"

	"github.com/grpcservice/grpcservice/runtime/policy"
)

// Pattern is a row of the table of patterns. It contains everything that the generator needs to
// know about the pattern.
type Pattern struct {
	// Name is the name of the pattern in findings, reports and templates. The templates
	// helper_<name>.go.tmpl and stub_<name>.go.tmpl write the arguments of its helper and the body
	// of a user's method.
	Name string
	// Option is the field of the message Policy that configures the pattern. Two rows may share a
	// field; a pattern without overrides has none.
	Option string
	// Is completes the sentence "a method is": "paged".
	Is string
	// What completes the sentence "nothing looks like a": "page".
	What string
	// Docs is the page in docs that explains the pattern.
	Docs string

	// Kinds are the kinds of methods that can have the pattern.
	Kinds Kinds
	// Detect returns what it finds in a method of one of these kinds, or nil. It reports its
	// findings and problems to the method.
	Detect func(*Method) Found
	// Reads returns how much Detect reads of a unary method that no policy says anything about. It
	// is a necessary condition: if it returns [ReadsNothing], Detect returns nil whatever the
	// messages are. Nil means [ReadsBoth].
	Reads func(Outline) Reads
	// Parts are the fields of the option that name fields or messages of a method, the most
	// distinctive first.
	Parts []string
	// Shown lists, in the form of a sentence, the options that give a method the pattern. It is
	// empty if only the messages decide.
	Shown string
	// Inner is a pattern that a method with this one can contain, or "". An option that names
	// fields of the inner pattern does not override the outer one.
	Inner string
	// Beside reports whether a method can have the pattern in addition to another one.
	Beside bool
	// Absent returns what to do if an option sets limits of the pattern for a method that does not
	// have it. It is nil if the general text applies.
	Absent func(Result) string

	// Package is the runtime package of the helper. It is zero if there is no helper.
	Package Package
	// Needs are the requirements of the helper on the program that serves the method.
	Needs Needs
	// Arguments and Stub are the types that the two templates render; nil if there is no helper.
	Arguments, Stub reflect.Type
	// Works reports whether a user's method starts work that a second method does, which
	// work_<name>.go.tmpl writes.
	Works bool
	// Links maps the paths of proto files to their Go packages, which Package links in addition to
	// those of every program.
	Links map[string]string
}

// Topic returns the name of the pattern in texts: its option, or its name if it has none.
func (p Pattern) Topic() string { return cmp.Or(p.Option, p.Name) }

// Needs are the requirements of a helper beyond the method itself.
type Needs struct {
	// TokenKeys reports whether the helper seals tokens with the server's keys.
	TokenKeys bool
	// Dependency is the value that the helper takes in addition to the request, or nil.
	Dependency *Dependency
	// Request reports whether the server rejects an empty request before it reaches the user's
	// code.
	Request bool
}

// Found is what a pattern found in a method. Each pattern's package declares a type for it.
type Found interface {
	// Fields returns the fields that the report lists, by their names in options.
	Fields() map[string]any
	// Limits adds the limits that apply to the method.
	Limits(*policy.Patterns)
}

// Match is a pattern that a method has.
type Match struct {
	Pattern Pattern
	Found   Found
	Finding Finding
}
