package filter

import (
	"sync"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Filter is a filter whose fields and literals fit a message. It is safe for concurrent use.
type Filter struct {
	schema        *Schema
	field, source string // of the request, for errors
	expr          Expr
	match         predicate
	others        sync.Map // protoreflect.MessageDescriptor to predicate, of messages whose Go type is another
}

// predicate is what a filter, or a part of it, says of a message.
type predicate func(protoreflect.Message) bool

// Expr returns the tree of the filter, with [Restriction.Field] and [Restriction.Value]; nil where the filter is empty. Do not
// change it.
func (f *Filter) Expr() Expr { return f.expr }

// String returns the filter in one of the ways to write it, with brackets around each AND and OR.
func (f *Filter) String() string {
	if f.expr == nil {
		return ""
	}
	return f.expr.String()
}

// Match says whether the filter is true of the message. It is true of no message of another type than that of the schema.
func (f *Filter) Match(m proto.Message) bool {
	if m == nil {
		return false
	}
	message := m.ProtoReflect()
	switch descriptor := message.Descriptor(); {
	case descriptor == f.schema.message:
		return f.match(message)
	case descriptor.FullName() != f.schema.message.FullName():
		return false
	default:
		return f.other(descriptor)(message)
	}
}

// other returns the predicate for messages that are described by another descriptor of the same name, such as those of
// dynamicpb.
func (f *Filter) other(descriptor protoreflect.MessageDescriptor) predicate {
	if match, ok := f.others.Load(descriptor); ok {
		return match.(predicate)
	}
	c := compiler{schema: f.schema, message: descriptor}
	match, err := c.compile(f.expr)
	if err != nil {
		match = func(protoreflect.Message) bool { return false }
	}
	f.others.Store(descriptor, match)
	return match
}
