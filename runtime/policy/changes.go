package policy

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// Change is an option that has different values in two policies of a method.
type Change struct {
	// Option is its path: "timeout.default". An option that is replaced as a whole, such as "auth" or
	// "rate", is one change.
	Option string
	// Old and New are its values as the text format of protos has them; "" if it is unset.
	Old, New string
	// Live means that a server may apply the change while it runs.
	Live bool
}

// Changes returns what is different in now. Both are policies of the same method. The order is
// that of the options.
func Changes(old, now Policy) (changes []Change) {
	was, is := optionsOf(old), optionsOf(now)
	for _, r := range rules {
		var before, after valueOf
		add := func(option string) {
			c := Change{option, before.text(), after.text(), r.isLive}
			if c.Old != c.New {
				changes = append(changes, c)
			}
		}
		if r.isWhole {
			before, after = valueOf{was.ProtoReflect(), r.name}, valueOf{is.ProtoReflect(), r.name}
			add(r.name)
			continue
		}
		for _, o := range r.options {
			before, after = valueOf{r.message(was), o.name}, valueOf{r.message(is), o.name}
			add(r.path(o.name))
		}
	}
	return changes
}

// valueOf is an option of a message.
type valueOf struct {
	in     protoreflect.Message
	option string
}

// text returns the value of the option, or "" if it is unset.
func (v valueOf) text() string {
	fd := fieldOf(v.in, v.option)
	if !v.in.IsValid() || !v.in.Has(fd) {
		return ""
	}
	return textOf(fd, v.in.Get(fd))
}

// textOf returns a value in proto's text format on one line, without quotes. prototext does not
// promise the same output for the same value.
func textOf(fd protoreflect.FieldDescriptor, v protoreflect.Value) string {
	switch {
	case fd.IsList():
		texts := make([]string, v.List().Len())
		for i := range texts {
			texts[i] = elementText(fd, v.List().Get(i))
		}
		return "[" + strings.Join(texts, ", ") + "]"
	default:
		return elementText(fd, v)
	}
}

// elementText returns the text of a value that is not a list.
func elementText(fd protoreflect.FieldDescriptor, v protoreflect.Value) string {
	switch {
	case fd.Message() != nil:
		var texts []string
		fields := fd.Message().Fields()
		for i := range fields.Len() {
			if f := fields.Get(i); v.Message().Has(f) {
				texts = append(texts, string(f.Name())+": "+textOf(f, v.Message().Get(f)))
			}
		}
		return "{" + strings.Join(texts, ", ") + "}"
	case fd.Enum() != nil:
		if value := fd.Enum().Values().ByNumber(v.Enum()); value != nil {
			return string(value.Name())
		}
	}
	return fmt.Sprint(v.Interface())
}
