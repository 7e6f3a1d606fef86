package filter

import (
	"context"
	"sync"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// Filter is a parsed filter whose fields and literals fit a message type. It is safe for
// concurrent use.
type Filter struct {
	schema        *Schema
	field, source string // of the request field, for errors
	expr          Expr
	own           *program
	// Protoreflect.MessageDescriptor to *program, for other descriptors of the type
	others sync.Map
}

// Expr returns the tree of the filter, with [Restriction.Field] and [Restriction.Value], or nil
// if the filter is empty. Do not modify it.
func (f *Filter) Expr() Expr { return f.expr }

// String returns the filter in a normal form, with brackets around each AND and OR.
func (f *Filter) String() string {
	if f.expr == nil {
		return ""
	}
	return f.expr.String()
}

// Match reports whether the message matches the filter. Messages of another type than the
// schema's never match. The time is proportional to the size of the message, whatever the filter.
// The error is that of ctx if ctx is done.
func (f *Filter) Match(ctx context.Context, m proto.Message) (bool, error) {
	if err := ctx.Err(); err != nil || m == nil {
		return false, err
	}
	message := m.ProtoReflect()
	switch descriptor := message.Descriptor(); {
	case descriptor == f.schema.message:
		return f.own.run(ctx, message)
	case descriptor.FullName() != f.schema.message.FullName():
		return false, nil
	default:
		return f.other(descriptor).run(ctx, message)
	}
}

// other returns the program for messages with a different descriptor of the same name, such as
// those of dynamicpb.
func (f *Filter) other(descriptor protoreflect.MessageDescriptor) *program {
	if known, ok := f.others.Load(descriptor); ok {
		return known.(*program)
	}
	c := compiler{schema: f.schema, message: descriptor}
	compiled, err := c.program(f.expr)
	if err != nil {
		compiled = &program{match: func(*matching, protoreflect.Message) bool { return false }}
	}
	f.others.Store(descriptor, compiled)
	return compiled
}

// Parse parses the filter in a field of a request. An empty or blank filter matches every
// message.
//
// An error is INVALID_ARGUMENT, reason [ReasonInvalid], like that of [Parse]; an unknown field
// and a literal that does not fit its field are errors too.
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
