package filter

import (
	"strings"
	"sync"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// wellKnown tests messages of protobuf that stand for something else than their fields.
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
	case strings.HasSuffix(name, "Value") && message.Fields().Len() == 1 && len(parts) == 0: // the wrappers
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

// packed tests a google.protobuf.Any by the message that is in it. Its type is known only then, so that what does not fit the type is
// not there, and not an error.
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

// searchesUnknown counts the comparison as a search if it could go through a list, a map or a text of a type that is known only in a
// message.
func (c *comparison) searchesUnknown() *fault {
	if c.r.Op != Has && !c.scans() {
		return nil
	}
	return c.searches()
}

// within returns the test of a message that is packed.
func (c *comparison) within(message protoreflect.MessageDescriptor, parts []Part) test {
	compiler := &compiler{schema: c.schema, message: message}
	inner, err := (&comparison{compiler: compiler, r: c.r, left: c.left, right: c.right, at: c.at, counted: true}).fieldOf(message, parts)
	if err != nil {
		return func(*matching, protoreflect.Value, bool) bool { return c.missing() }
	}
	return inner
}
