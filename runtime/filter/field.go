package filter

import (
	"strings"
	"sync"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// fieldOf compiles the test of the field that the first part of the path names.
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

// isSet tests whether a message has a field. In a field without presence a zero counts as unset,
// and so does -0, which databases treat as 0.
func isSet(field protoreflect.FieldDescriptor) test {
	number := field.Kind() == protoreflect.FloatKind || field.Kind() == protoreflect.DoubleKind
	if number && !field.HasPresence() && !field.IsList() {
		return func(_ *matching, v protoreflect.Value, there bool) bool {
			return there && v.Message().Get(field).Float() != 0
		}
	}
	return func(_ *matching, v protoreflect.Value, there bool) bool { return there && v.Message().Has(field) }
}

// value tests the value of a field.
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

// mapOf tests the value of the key that the first part names or, without parts, the keys of the
// map.
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

// keys tests whether a map has a key.
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

// single tests a value that is neither a list nor a map.
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

// whole tests whether a message has a field.
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

// wellKnown tests well-known types, which represent something other than their fields.
func (c *comparison) wellKnown(field protoreflect.FieldDescriptor, parts []Part) (_ test, _ *fault, known bool) {
	message := field.Message()
	name, found := strings.CutPrefix(string(message.FullName()), "google.protobuf.")
	if !found {
		return nil, nil, false
	}
	var inner test
	var err *fault
	switch {
	case name == "Struct":
		return c.through(message, "fields", parts)
	case name == "ListValue":
		return c.through(message, "values", parts)
	case isJSON(message):
		inner, err = c.json(parts)
	case name == "Any" && len(parts) > 0:
		inner, err = c.packed(parts)
	case strings.HasSuffix(name, "Value") && message.Fields().Len() == 1 && len(parts) == 0:
		// The wrappers
		return c.through(message, "value", parts)
	case name == "Timestamp" && len(parts) == 0:
		inner, err = c.timestamp()
	case name == "Duration" && len(parts) == 0:
		inner, err = c.duration()
	default:
		return nil, nil, false
	}
	return inner, err, true
}

// isJSON reports whether a message type, which may be nil, is google.protobuf.Value.
func isJSON(message protoreflect.MessageDescriptor) bool {
	return message != nil && message.FullName() == "google.protobuf.Value"
}

// through tests a message by its only field.
func (c *comparison) through(message protoreflect.MessageDescriptor, name protoreflect.Name, parts []Part) (test, *fault, bool) {
	field := message.Fields().ByName(name)
	inner, err := c.value(field, parts)
	return func(m *matching, v protoreflect.Value, there bool) bool {
		if !there {
			return inner(m, protoreflect.Value{}, false)
		}
		return inner(m, v.Message().Get(field), true)
	}, err, true
}

// packed tests the message in a google.protobuf.Any. Its type is known only at run time, so a
// comparison that does not fit the type counts as absent instead of as an error.
func (c *comparison) packed(parts []Part) (test, *fault) {
	c.looksInto()
	if err := c.searchesUnknown(); err != nil {
		return nil, err
	}
	c.unpacks = true
	var tests sync.Map // protoreflect.MessageDescriptor to test
	return func(m *matching, v protoreflect.Value, there bool) bool {
		if !there {
			return c.missing()
		}
		message, ok := m.unpack(v.Message())
		if !ok {
			return c.missing()
		}
		inner, ok := tests.Load(message.Descriptor())
		if !ok {
			inner, _ = tests.LoadOrStore(message.Descriptor(), c.within(message.Descriptor(), parts))
		}
		return inner.(test)(m, protoreflect.ValueOfMessage(message), true)
	}, nil
}

// within compiles the test of a packed message.
func (c *comparison) within(message protoreflect.MessageDescriptor, parts []Part) test {
	compiler := &compiler{schema: c.schema, message: message}
	inner, err := (&comparison{compiler: compiler, r: c.r, left: c.left, right: c.right, at: c.at, counted: true}).fieldOf(message, parts)
	if err != nil {
		return func(*matching, protoreflect.Value, bool) bool { return c.missing() }
	}
	return inner
}
