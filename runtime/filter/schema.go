package filter

import (
	"context"
	"errors"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// Schema is what filters of one message type may say. [For] makes it; it is safe for concurrent use.
type Schema struct {
	message   protoreflect.MessageDescriptor
	fields    *paths // what may be compared; nil is all
	search    *paths // what literals alone are searched in; nil is all that may be compared
	functions map[string]CompileFunc
	err       error // of the options
}

// Option says what a filter may use.
type Option func(*Schema)

// CompileFunc reads the arguments of a call, once for a filter, and returns what the call says of a message, with the context of
// [Filter.Match]. The text of an error is for the caller.
type CompileFunc func(args []Operand) (func(context.Context, proto.Message) bool, error)

// For returns the schema of a message. All its fields may be compared, and those of messages within it, but for those with the
// option debug_redact; [Fields] chooses others.
//
// A path in an option that is no field of the message is a mistake in the program: each [Schema.Parse] then returns INTERNAL,
// whose cause in the log names it.
func For(message protoreflect.MessageDescriptor, options ...Option) *Schema {
	s := &Schema{message: message, functions: make(map[string]CompileFunc)}
	for _, option := range options {
		option(s)
	}
	s.err = errors.Join(s.fields.check(message), s.search.check(message))
	return s
}

// Fields is the fields that may be compared, as paths with dots, by the names of the proto: "name", "address.city". Of a
// message, a list or a map all that is in it may be compared too. A field with the option debug_redact must be named itself.
func WithFields(paths ...string) Option { return func(s *Schema) { s.fields = newPaths(paths) } }

// Search is the fields that literals alone are searched in, written as those of [Fields]; without paths such a literal is an
// error. The default is all fields that may be compared.
//
// A literal is found in a string that has it anywhere, in whatever case, in the name of an enum's value, and in a number that
// is spelled as it is.
func WithSearch(paths ...string) Option { return func(s *Schema) { s.search = newPaths(paths) } }

// Function adds a function, which stands alone in a filter: near(home, "10km") AND age > 17. Names may have dots.
func WithFunction(name string, compile CompileFunc) Option {
	return func(s *Schema) { s.functions[name] = compile }
}

// Parse returns the filter that a request has in a field. A filter that is empty or blank matches every message.
//
// An error is INVALID_ARGUMENT with the reason [ReasonInvalid], as that of [Parse]; also where a field is unknown, or a literal does
// not fit its field.
func (s *Schema) Parse(field, text string) (*Filter, error) {
	if s.err != nil {
		return nil, rpcerr.ReasonInternal.Errorf(codes.Internal, "internal error").WithCause(s.err)
	}
	expr, err := parse(text)
	if err != nil {
		return nil, err.status(field, text)
	}
	c := compiler{schema: s, message: s.message, annotate: true}
	compiled, err := c.program(expr)
	if err != nil {
		return nil, err.status(field, text)
	}
	return &Filter{schema: s, field: field, source: text, expr: expr, own: compiled}, nil
}
