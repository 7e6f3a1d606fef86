package filter

import (
	"context"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// predicate is what a filter, or a part of it, says of a message.
type predicate func(*matching, protoreflect.Message) bool

// program is a filter that is ready to run on messages of one descriptor.
type program struct {
	match    predicate
	words    []*word // that stand alone
	searches int     // see MaxSearches
	unpacks  bool    // it looks into a google.protobuf.Any
}

// run reports whether the filter is true of a message.
func (p *program) run(ctx context.Context, message protoreflect.Message) (bool, error) {
	if p.searches == 0 && !p.unpacks {
		return p.match(nil, message), nil
	}
	m := &matching{ctx: ctx, words: p.words}
	matches := p.match(m, message)
	return matches && m.err == nil, m.err
}

// compiler turns the tree of a filter into a program.
type compiler struct {
	schema   *Schema
	message  protoreflect.MessageDescriptor
	annotate bool // whether to set Field and Value of restrictions

	words    []*word
	searches int
	unpacks  bool
}

// searching counts a part of the filter that searches, so that a message is not gone through too often.
func (c *compiler) searching(at Pos) *fault {
	if c.searches++; c.searches > MaxSearches {
		return faultf(at, "the filter has more than %d searches: words alone, functions, texts with two wildcards, and elements of lists and maps", MaxSearches)
	}
	return nil
}
