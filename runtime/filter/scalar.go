package filter

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// scalar compiles a comparison of a scalar with the literal.
func (c *comparison) scalar(field protoreflect.FieldDescriptor) (test, *fault) {
	kind := field.Kind()
	if kind == protoreflect.BytesKind || kind == protoreflect.GroupKind || kind == protoreflect.MessageKind {
		return nil, faultf(c.left.At, `%s cannot be compared, as its type is %s; %s:* tests whether it is set`, brief(c.left), kind, brief(c.left))
	}
	if kind == protoreflect.BoolKind || kind == protoreflect.EnumKind {
		if err := c.unordered(kind.String()); err != nil {
			return nil, err
		}
	}
	want, ok := scalarOf(field, c.right.Path())
	if !ok || c.right.Quoted() && kind != protoreflect.StringKind && kind != protoreflect.EnumKind {
		return nil, faultf(c.right.At, "%s does not fit %s, which is %s", brief(c.right), brief(c.left), kindOf(field))
	}
	return c.compared(field, want)
}

// compared compiles a comparison of a scalar with a value of its type.
func (c *comparison) compared(field protoreflect.FieldDescriptor, want protoreflect.Value) (test, *fault) {
	switch field.Kind() {
	case protoreflect.StringKind:
		return c.text(want.String())
	case protoreflect.BoolKind:
		c.note(want.Bool())
		return ordered(c.r.Op, want.Bool(), protoreflect.Value.Bool, func(a, b bool) int {
			if a == b {
				return 0
			}
			return 1
		}), nil
	case protoreflect.EnumKind:
		c.note(want.Enum())
		return ordered(c.r.Op, want.Enum(), protoreflect.Value.Enum, cmp.Compare[protoreflect.EnumNumber]), nil
	case protoreflect.FloatKind, protoreflect.DoubleKind:
		c.note(want.Float())
		return ordered(c.r.Op, want.Float(), protoreflect.Value.Float, compareFloats), nil
	case protoreflect.Uint32Kind, protoreflect.Uint64Kind, protoreflect.Fixed32Kind, protoreflect.Fixed64Kind:
		c.note(want.Uint())
		return ordered(c.r.Op, want.Uint(), protoreflect.Value.Uint, cmp.Compare[uint64]), nil
	}
	c.note(want.Int())
	return ordered(c.r.Op, want.Int(), protoreflect.Value.Int, cmp.Compare[int64]), nil
}

// text compiles a comparison of a string, with wildcards if the comparator supports them.
func (c *comparison) text(want string) (test, *fault) {
	c.note(want)
	if c.r.Op.orders() {
		return ordered(c.r.Op, want, protoreflect.Value.String, strings.Compare), nil
	}
	if c.scans() {
		if err := c.searches(); err != nil {
			return nil, err
		}
	}
	pattern := c.right.Pattern()
	return func(m *matching, v protoreflect.Value, there bool) bool {
		if there && len(pattern) > 2 {
			m.spend(len(v.String()))
		}
		return (there && matches(pattern, v.String())) != c.absent()
	}, nil
}

// unlike is the result of a compare function for values without an order.
const unlike = 2

// compareFloats compares as IEEE 754 does: NaN has no order and does not equal itself.
func compareFloats(a, b float64) int {
	if a != a || b != b {
		return unlike
	}
	return cmp.Compare(a, b)
}

// ordered returns the test that compares a value with want.
func ordered[T any](op Op, want T, get func(protoreflect.Value) T, compare func(a, b T) int) test {
	return func(_ *matching, v protoreflect.Value, there bool) bool {
		if !there {
			return op == NotEquals
		}
		return holds(op, compare(get(v), want))
	}
}

// holds reports whether a comparator is true for the result of a compare function.
func holds(op Op, order int) bool {
	switch op {
	case Less:
		return order == -1
	case LessOrEqual:
		return order == -1 || order == 0
	case Greater:
		return order == 1
	case GreaterOrEqual:
		return order == 1 || order == 0
	case NotEquals:
		return order != 0
	}
	return order == 0
}

// scalarOf parses the literal as a value of the field's type.
func scalarOf(field protoreflect.FieldDescriptor, literal string) (v protoreflect.Value, ok bool) {
	switch field.Kind() {
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(literal), true
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(literal == "true"), literal == "true" || literal == "false"
	case protoreflect.EnumKind:
		if value := field.Enum().Values().ByName(protoreflect.Name(literal)); value != nil {
			return protoreflect.ValueOfEnum(value.Number()), true
		}
		return v, false
	case protoreflect.FloatKind:
		f, ok := float(literal, 32)
		return protoreflect.ValueOfFloat32(float32(f)), ok
	case protoreflect.DoubleKind:
		f, ok := float(literal, 64)
		return protoreflect.ValueOfFloat64(f), ok
	}
	return integer(field.Kind(), literal)
}

func integer(kind protoreflect.Kind, literal string) (protoreflect.Value, bool) {
	switch kind {
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		u, err := strconv.ParseUint(literal, 10, 32)
		return protoreflect.ValueOfUint32(uint32(u)), err == nil
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		u, err := strconv.ParseUint(literal, 10, 64)
		return protoreflect.ValueOfUint64(u), err == nil
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		i, err := strconv.ParseInt(literal, 10, 64)
		return protoreflect.ValueOfInt64(i), err == nil
	}
	i, err := strconv.ParseInt(literal, 10, 32)
	return protoreflect.ValueOfInt32(int32(i)), err == nil
}

// float parses a decimal number. It rejects Go's hexadecimal floats, infinity and NaN.
func float(literal string, bits int) (float64, bool) {
	if literal == "" || strings.Trim(literal, "0123456789+-.eE") != "" {
		return 0, false
	}
	f, err := strconv.ParseFloat(literal, bits)
	return f, err == nil
}

// kindOf describes the literals of a field's type, for a fault.
func kindOf(field protoreflect.FieldDescriptor) string {
	switch field.Kind() {
	case protoreflect.BoolKind:
		return "true or false"
	case protoreflect.EnumKind:
		return "one of " + enumNames(field.Enum().Values())
	case protoreflect.StringKind:
		return "text"
	}
	return fmt.Sprintf("a number of type %s, without quotes", field.Kind())
}

func enumNames(values protoreflect.EnumValueDescriptors) string {
	var names []string
	for i := range min(values.Len(), shownNames) {
		names = append(names, string(values.Get(i).Name()))
	}
	if more := values.Len() - shownNames; more > 0 {
		names = append(names, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(names, ", ")
}
