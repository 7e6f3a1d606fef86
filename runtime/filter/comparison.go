package filter

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// test evaluates a comparison for a value on its path: a message, a list, a map or a scalar. For an
// absent value it receives the zero Value.
type test func(m *matching, v protoreflect.Value, there bool) bool

// comparison compiles a restriction along the path of its left side. Each method returns the test
// of a value; its parameter is the rest of the path within that value.
type comparison struct {
	*compiler
	r       *Restriction
	left    *Member
	right   *Member
	at      scope // of the schema's fields, at the current place of the path
	counted bool  // counted as a search
}

// unquoted reports whether the literal is the given word, without quotes.
func (c *comparison) unquoted(word string) bool {
	return len(c.right.Parts) == 1 && !c.right.Parts[0].Quoted && c.right.Parts[0].Text == word
}

// presence reports whether the comparison is field:*.
func (c *comparison) presence() bool { return c.r.Op == Has && c.unquoted("*") }

// null reports whether the comparison is with null, if the field may be null.
func (c *comparison) null() bool {
	return (c.r.Op == Equals || c.r.Op == NotEquals) && c.unquoted("null")
}

// absent is the result of a comparison of an absent value with a literal.
func (c *comparison) absent() bool { return c.r.Op == NotEquals }

// missing is the result of the comparison for an absent value, if null is not a literal.
func (c *comparison) missing() bool { return c.absent() != c.null() }

// looksInto records that the comparison is not of a single value.
func (c *comparison) looksInto() {
	if c.annotate {
		c.r.manifold = true
	}
}

// searches counts the comparison, once, as one that scans the value of a field.
func (c *comparison) searches() *fault {
	if c.counted {
		return nil
	}
	c.counted = true
	return c.searching(c.left.At)
}

// lookup returns the field that a part names, if filters may compare it or, if it is not the last
// part of the path, a field in it.
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

// usable returns the scope of a field. It reports whether filters may compare the field or, if it
// is not the last of a path, a field in it.
func (c *comparison) usable(field protoreflect.FieldDescriptor, last bool) (scope, bool) {
	inner, has, leads := c.at.field(field)
	return inner, has || !last && leads
}

// shownNames is the maximum number of fields that a fault lists.
const shownNames = 12

// names returns the fields of the message that filters may use, for a fault.
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

// scans reports whether the literal is a pattern that must be searched for throughout a text, not
// only at its ends.
func (c *comparison) scans() bool { return !c.r.Op.orders() && len(c.right.Pattern()) > 2 }

// searchesUnknown counts the comparison as a search if it could scan a list, a map or a text whose
// type is known only at run time.
func (c *comparison) searchesUnknown() *fault {
	if c.r.Op != Has && !c.scans() {
		return nil
	}
	return c.searches()
}

// note records the literal as a value, for code that builds a query from the tree.
func (c *comparison) note(value any) {
	if c.annotate {
		c.r.Value = value
	}
}

// unordered returns the fault for a comparator that requires an order that the type does not have.
func (c *comparison) unordered(kind string) *fault {
	if !c.r.Op.orders() {
		return nil
	}
	return faultf(c.left.At, `%s is of type %s, which has no order; there are "=", "!=" and ":"`, brief(c.left), kind)
}
