package filter

import (
	"context"
	"errors"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Schema defines the filters of a message type. [For] returns it. It is safe for concurrent use.
type Schema struct {
	message   protoreflect.MessageDescriptor
	fields    *paths // fields that filters may compare; nil means all
	search    *paths // fields that bare literals search; nil means all that may be compared
	functions map[string]CompileFunc
	err       error // of the options
}

// Option configures a [Schema].
type Option func(*Schema)

// CompileFunc compiles a call, once per filter: it checks the arguments and returns the function
// that evaluates the call for a message, with the context of [Filter.Match]. The caller sees the
// text of its error.
type CompileFunc func(args []Operand) (func(context.Context, proto.Message) bool, error)

// For returns the schema of a message type. By default, filters may compare all its fields and
// those of nested messages, except fields with the option debug_redact; [WithFields] selects
// others.
//
// A path in an option that does not exist is a programming mistake: each [Schema.Parse] then
// returns INTERNAL, whose cause in the log names the path.
func For(message protoreflect.MessageDescriptor, options ...Option) *Schema {
	s := &Schema{message: message, functions: make(map[string]CompileFunc)}
	for _, option := range options {
		option(s)
	}
	s.err = errors.Join(s.fields.check(message), s.search.check(message))
	return s
}

// WithFields sets the fields that filters may compare, as dotted paths of proto names: "name",
// "address.city". A message, list or map includes everything in it. A field with the option
// debug_redact must be named itself.
func WithFields(paths ...string) Option { return func(s *Schema) { s.fields = newPaths(paths) } }

// WithSearch sets the fields that single literals are searched in, as paths like those of
// [WithFields]. Without paths, single literals are an error. The default is all fields that
// filters may compare.
//
// A literal matches a string that contains it, ignoring case, the name of an enum value, and a
// number with the same spelling.
func WithSearch(paths ...string) Option { return func(s *Schema) { s.search = newPaths(paths) } }

// WithFunction adds a function, which stands alone in a filter: near(home, "10km") AND age > 17.
// Names may contain dots.
func WithFunction(name string, compile CompileFunc) Option {
	return func(s *Schema) { s.functions[name] = compile }
}
