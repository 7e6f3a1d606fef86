package filter

import (
	"context"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// predicate reports whether a filter, or a part of one, is true for a message.
type predicate func(*matching, protoreflect.Message) bool

// program is a filter compiled for messages of one descriptor.
type program struct {
	match    predicate
	words    []*word // bare literals
	searches int     // see MaxSearches
	unpacks  bool    // it looks into a google.protobuf.Any
}

// run reports whether the filter is true for a message.
func (p *program) run(ctx context.Context, message protoreflect.Message) (bool, error) {
	if p.searches == 0 && !p.unpacks {
		return p.match(nil, message), nil
	}
	m := &matching{ctx: ctx, words: p.words}
	matches := p.match(m, message)
	return matches && m.err == nil, m.err
}

// compiler compiles the tree of a filter into a program.
type compiler struct {
	schema   *Schema
	message  protoreflect.MessageDescriptor
	annotate bool // whether to set Field and Value of restrictions

	words    []*word
	searches int
	unpacks  bool
}

// searching counts a part of the filter that searches, to bound the number of scans of a message.
func (c *compiler) searching(at Pos) *fault {
	if c.searches++; c.searches > MaxSearches {
		return faultf(at, "the filter has more than %d searches: words alone, functions, texts with two wildcards, and elements of lists and maps", MaxSearches)
	}
	return nil
}
