package filter

import (
	"strings"
	"sync"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
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
		return c.json(parts), nil, true
	case name == "Any" && len(parts) > 0:
		return c.packed(parts), nil, true
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

// isJSON says whether a message, or nil, is google.protobuf.Value.
func isJSON(message protoreflect.MessageDescriptor) bool {
	return message != nil && message.FullName() == "google.protobuf.Value"
}

// through tests a message by its only field.
func (c *comparison) through(message protoreflect.MessageDescriptor, name protoreflect.Name, parts []Part) (test, *fault, bool) {
	field := message.Fields().ByName(name)
	inner, err := c.value(field, parts)
	return func(v protoreflect.Value, there bool) bool {
		if !there {
			return inner(protoreflect.Value{}, false)
		}
		return inner(v.Message().Get(field), true)
	}, err, true
}

// packed tests a google.protobuf.Any by the message that is in it. Its type is known only then, so that what does not fit the type is
// not there, and not an error.
func (c *comparison) packed(parts []Part) test {
	c.looksInto()
	var tests sync.Map // protoreflect.MessageDescriptor to test
	return func(v protoreflect.Value, there bool) bool {
		if !there {
			return c.missing()
		}
		message, ok := unpack(v.Message())
		if !ok {
			return c.missing()
		}
		inner, ok := tests.Load(message.Descriptor())
		if !ok {
			inner, _ = tests.LoadOrStore(message.Descriptor(), c.within(message.Descriptor(), parts))
		}
		return inner.(test)(protoreflect.ValueOfMessage(message), true)
	}
}

// within returns the test of a message that is packed.
func (c *comparison) within(message protoreflect.MessageDescriptor, parts []Part) test {
	compiler := &compiler{schema: c.schema, message: message}
	path := append([]string{}, c.path...)
	inner, err := (&comparison{compiler: compiler, r: c.r, left: c.left, right: c.right, path: path}).fieldOf(message, parts)
	if err != nil {
		return func(protoreflect.Value, bool) bool { return c.missing() }
	}
	return inner
}

// unpack returns the message in a google.protobuf.Any, if its type is linked.
func unpack(packed protoreflect.Message) (protoreflect.Message, bool) {
	fields := packed.Descriptor().Fields()
	kind, err := protoregistry.GlobalTypes.FindMessageByURL(packed.Get(fields.ByName("type_url")).String())
	if err != nil {
		return nil, false
	}
	message := kind.New()
	err = proto.Unmarshal(packed.Get(fields.ByName("value")).Bytes(), message.Interface())
	return message, err == nil
}
