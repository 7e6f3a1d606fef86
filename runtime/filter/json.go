package filter

import (
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// json compiles a comparison with a google.protobuf.Value, by the type that the value has in the
// message. A value of a type that does not fit counts as absent.
func (c *comparison) json(parts []Part) (test, *fault) {
	c.looksInto()
	if err := c.searchesUnknown(); err != nil {
		return nil, err
	}
	number, isNumber := float(c.right.Path(), 64)
	j := jsonTest{c, c.right.Path(), c.right.Pattern(), number, isNumber && !c.right.Quoted()}
	return func(m *matching, v protoreflect.Value, there bool) bool {
		if !there {
			return c.missing()
		}
		return j.at(m, v.Message(), parts)
	}, nil
}

// jsonTest is a comparison with the literal in each of the types that it can have.
type jsonTest struct {
	*comparison
	text     string
	pattern  []string
	number   float64
	isNumber bool
}

// at tests the value at the rest of the path within a google.protobuf.Value.
func (j *jsonTest) at(m *matching, value protoreflect.Message, parts []Part) bool {
	field := value.WhichOneof(value.Descriptor().Oneofs().ByName("kind"))
	if field == nil {
		return j.missing()
	}
	held := value.Get(field)
	switch field.Name() {
	case "struct_value":
		return j.object(m, fieldNamed(held.Message(), "fields").Map(), parts)
	case "list_value":
		return j.array(m, fieldNamed(held.Message(), "values").List(), parts)
	}
	switch {
	case len(parts) > 0:
		return j.missing()
	case j.presence():
		return true
	}
	return j.scalar(m, field, held)
}

// scalar tests a null, a boolean, a number or a string.
func (j *jsonTest) scalar(m *matching, field protoreflect.FieldDescriptor, held protoreflect.Value) bool {
	switch field.Name() {
	case "string_value":
		return j.string(m, held.String())
	case "number_value":
		if j.isNumber {
			return holds(j.r.Op, compareFloats(held.Float(), j.number))
		}
	case "bool_value":
		if is := j.unquoted("true"); is || j.unquoted("false") {
			return !j.r.Op.orders() && (held.Bool() == is) != j.absent()
		}
	case "null_value":
		return j.missing()
	}
	return j.absent()
}

func (j *jsonTest) string(m *matching, held string) bool {
	m.spend(len(held))
	if j.r.Op.orders() {
		return holds(j.r.Op, strings.Compare(held, j.text))
	}
	return matches(j.pattern, held) != j.absent()
}

// object tests a member of an object or, at the end of the path, whether the object has a member
// with the name.
func (j *jsonTest) object(m *matching, members protoreflect.Map, parts []Part) (has bool) {
	if len(parts) > 0 {
		key := protoreflect.ValueOfString(parts[0].Text).MapKey()
		if !members.Has(key) {
			return j.missing()
		}
		return j.at(m, members.Get(key).Message(), parts[1:])
	}
	if j.r.Op != Has || j.presence() {
		return j.r.Op == Has || j.absent()
	}
	members.Range(func(key protoreflect.MapKey, _ protoreflect.Value) bool {
		has = matches(j.pattern, key.String())
		return !has && m.spend(1)
	})
	return has
}

// array tests an array by its elements.
func (j *jsonTest) array(m *matching, elements protoreflect.List, parts []Part) bool {
	if j.r.Op != Has || len(parts) == 0 && j.presence() {
		return j.r.Op == Has || j.absent()
	}
	for i := 0; i < elements.Len() && m.spend(1); i++ {
		if j.at(m, elements.Get(i).Message(), parts) {
			return true
		}
	}
	return false
}

func fieldNamed(m protoreflect.Message, name protoreflect.Name) protoreflect.Value {
	return m.Get(m.Descriptor().Fields().ByName(name))
}
