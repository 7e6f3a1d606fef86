package filter

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// test is what a comparison says of a value on its path: a message, a list, a map or a scalar. Of a value that is not there it
// gets the zero Value.
type test func(m *matching, v protoreflect.Value, there bool) bool

// comparison compiles a restriction along the path of its left side. Each of its methods returns the test of a value, and has the
// parts of the path that are still to go within that value.
type comparison struct {
	*compiler
	r       *Restriction
	left    *Member
	right   *Member
	at      scope // of the schema's fields, where the path is so far
	counted bool  // as a search
}

// unquoted reports whether the literal is the word, without quotes.
func (c *comparison) unquoted(word string) bool {
	return len(c.right.Parts) == 1 && !c.right.Parts[0].Quoted && c.right.Parts[0].Text == word
}

// presence reports whether the comparison is field:*.
func (c *comparison) presence() bool { return c.r.Op == Has && c.unquoted("*") }

// null reports whether the comparison is with null, if the field may be null.
func (c *comparison) null() bool {
	return (c.r.Op == Equals || c.r.Op == NotEquals) && c.unquoted("null")
}

// absent is what a comparison with a literal says of a value that is not there.
func (c *comparison) absent() bool { return c.r.Op == NotEquals }

// missing is what the comparison says of a value that is not there, where null is no literal.
func (c *comparison) missing() bool { return c.absent() != c.null() }

// looksInto keeps that the comparison is not of one value.
func (c *comparison) looksInto() {
	if c.annotate {
		c.r.manifold = true
	}
}

// searches counts the comparison, once, as one that goes through what a field holds.
func (c *comparison) searches() *fault {
	if c.counted {
		return nil
	}
	c.counted = true
	return c.searching(c.left.At)
}

// lookup returns the field that a part names, if filters may use it: compare it where it is the last of the path, or else go
// through it.
func (c *comparison) lookup(message protoreflect.MessageDescriptor, part Part, last bool) (protoreflect.FieldDescriptor, *fault) {
	if field := message.Fields().ByName(protoreflect.Name(part.Text)); field != nil {
		if inner, ok := c.usable(field, last); ok {
			c.at = inner
			return field, nil
		}
	}
	if field := message.Fields().ByJSONName(part.Text); field != nil {
		if _, ok := c.usable(field, last); ok {
			return nil, faultf(part.At, "no field %s to filter by; write %s", quote(part.Text), field.Name())
		}
	}
	return nil, faultf(part.At, "no field %s to filter by; there are: %s", quote(part.Text), c.names(message))
}

// usable returns the scope of a field, and reports whether filters may compare it, or, where it is not the last of a path, a field
// in it.
func (c *comparison) usable(field protoreflect.FieldDescriptor, last bool) (scope, bool) {
	inner, has, leads := c.at.field(field)
	return inner, has || !last && leads
}

// shownNames is how many fields a fault lists.
const shownNames = 12

// names returns the fields of the message that may be used, for a fault.
func (c *comparison) names(message protoreflect.MessageDescriptor) string {
	var names []string
	for i := range message.Fields().Len() {
		field := message.Fields().Get(i)
		if _, ok := c.usable(field, false); ok {
			names = append(names, string(field.Name()))
		}
	}
	if more := len(names) - shownNames; more > 0 {
		names = append(names[:shownNames], fmt.Sprintf("and %d more", more))
	}
	return strings.Join(names, ", ")
}

// scans reports whether the literal is a pattern that is looked for all through a text, and not just at its ends.
func (c *comparison) scans() bool { return !c.r.Op.orders() && len(c.right.Pattern()) > 2 }

// searchesUnknown counts the comparison as a search if it could go through a list, a map or a text of a type that is known only in a
// message.
func (c *comparison) searchesUnknown() *fault {
	if c.r.Op != Has && !c.scans() {
		return nil
	}
	return c.searches()
}

// note keeps the literal as a value, for who makes a query of the tree.
func (c *comparison) note(value any) {
	if c.annotate {
		c.r.Value = value
	}
}

// unordered returns the fault of a comparator that asks for an order that the type has not.
func (c *comparison) unordered(kind string) *fault {
	if !c.r.Op.orders() {
		return nil
	}
	return faultf(c.left.At, `%s is of type %s, which has no order; there are "=", "!=" and ":"`, brief(c.left), kind)
}
