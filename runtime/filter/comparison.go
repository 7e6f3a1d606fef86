package filter

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
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

// fieldOf tests a message by the field that the first part names.
func (c *comparison) fieldOf(message protoreflect.MessageDescriptor, parts []Part) (test, *fault) {
	field, err := c.lookup(message, parts[0], len(parts) == 1)
	if err != nil {
		return nil, err
	}
	if c.annotate {
		c.r.Field = field
	}
	if len(parts) == 1 && c.presence() {
		return isSet(field), nil
	}
	inner, err := c.value(field, parts[1:])
	return func(m *matching, v protoreflect.Value, there bool) bool {
		if !there || field.HasPresence() && !v.Message().Has(field) {
			return inner(m, protoreflect.Value{}, false)
		}
		return inner(m, v.Message().Get(field), true)
	}, err
}

// isSet tests whether a message has a field. A zero is none of a field without presence, and so is -0, which databases take for 0.
func isSet(field protoreflect.FieldDescriptor) test {
	number := field.Kind() == protoreflect.FloatKind || field.Kind() == protoreflect.DoubleKind
	if number && !field.HasPresence() && !field.IsList() {
		return func(_ *matching, v protoreflect.Value, there bool) bool {
			return there && v.Message().Get(field).Float() != 0
		}
	}
	return func(_ *matching, v protoreflect.Value, there bool) bool { return there && v.Message().Has(field) }
}

// value tests what a field holds.
func (c *comparison) value(field protoreflect.FieldDescriptor, parts []Part) (test, *fault) {
	switch {
	case field.IsMap():
		return c.mapOf(field, parts)
	case field.IsList():
		return c.list(field, parts)
	}
	return c.single(field, parts)
}

// list tests a list by its elements.
func (c *comparison) list(field protoreflect.FieldDescriptor, parts []Part) (test, *fault) {
	if c.r.Op != Has {
		return nil, faultf(c.left.At, `%s is a list; write "%s:" for "has an element that is"`, field.Name(), brief(c.left))
	}
	c.looksInto()
	if err := c.searches(); err != nil {
		return nil, err
	}
	element, err := c.single(field, parts)
	return func(m *matching, v protoreflect.Value, there bool) bool {
		if !there {
			return false
		}
		list := v.List()
		for i := 0; i < list.Len() && m.spend(1); i++ {
			if element(m, list.Get(i), true) {
				return true
			}
		}
		return false
	}, err
}

// mapOf tests a map: by the value of the key that the first part is, or, without parts, by its keys.
func (c *comparison) mapOf(field protoreflect.FieldDescriptor, parts []Part) (test, *fault) {
	c.looksInto()
	if len(parts) == 0 {
		return c.keys(field)
	}
	literal, ok := scalarOf(field.MapKey(), parts[0].Text)
	if !ok {
		return nil, faultf(parts[0].At, "%s is not a key of %s; want %s", quote(parts[0].Text), field.Name(), kindOf(field.MapKey()))
	}
	key := literal.MapKey()
	if len(parts) == 1 && c.presence() {
		return func(m *matching, v protoreflect.Value, there bool) bool { return there && v.Map().Has(key) }, nil
	}
	inner, err := c.single(field.MapValue(), parts[1:])
	return func(m *matching, v protoreflect.Value, there bool) bool {
		if !there || !v.Map().Has(key) {
			return inner(m, protoreflect.Value{}, false)
		}
		return inner(m, v.Map().Get(key), true)
	}, err
}

// keys tests a map by whether it has a key.
func (c *comparison) keys(field protoreflect.FieldDescriptor) (test, *fault) {
	if c.r.Op != Has {
		return nil, faultf(c.left.At, `%s is a map; write "%s:" for "has the key", or the key after a dot`, field.Name(), brief(c.left))
	}
	if err := c.searches(); err != nil {
		return nil, err
	}
	key, err := c.scalar(field.MapKey())
	return func(m *matching, v protoreflect.Value, there bool) (has bool) {
		if !there {
			return false
		}
		v.Map().Range(func(k protoreflect.MapKey, _ protoreflect.Value) bool {
			has = key(m, k.Value(), true)
			return !has && m.spend(1)
		})
		return has
	}, err
}

// single tests a value that is no list and no map.
func (c *comparison) single(field protoreflect.FieldDescriptor, parts []Part) (test, *fault) {
	if len(parts) == 0 && c.null() && field.HasPresence() && !isJSON(field.Message()) {
		return func(_ *matching, _ protoreflect.Value, there bool) bool { return there == c.absent() }, nil
	}
	if field.Message() != nil {
		if test, err, known := c.wellKnown(field, parts); known {
			return test, err
		}
		if len(parts) > 0 {
			return c.fieldOf(field.Message(), parts)
		}
		return c.whole(field)
	}
	if len(parts) > 0 {
		return nil, faultf(parts[0].At, "%s has no fields, as its type is %s", field.Name(), field.Kind())
	}
	return c.scalar(field)
}

// whole tests a message by whether it has a field.
func (c *comparison) whole(field protoreflect.FieldDescriptor) (test, *fault) {
	message := field.Message()
	if c.r.Op != Has {
		return nil, faultf(c.left.At, "%s is a message; compare one of its fields: %s", field.Name(), c.names(message))
	}
	if c.presence() {
		return func(_ *matching, _ protoreflect.Value, there bool) bool { return there }, nil
	}
	c.looksInto()
	inner, err := c.lookup(message, Part{At: c.right.At, Text: c.right.Path()}, true)
	return func(m *matching, v protoreflect.Value, there bool) bool { return there && v.Message().Has(inner) }, err
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

// redacted reports whether the field has the option debug_redact: its values are confidential,
// and a filter that can compare them can reveal them.
func redacted(field protoreflect.FieldDescriptor) bool {
	options, _ := field.Options().(*descriptorpb.FieldOptions)
	return options.GetDebugRedact()
}
