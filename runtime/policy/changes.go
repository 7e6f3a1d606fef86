package policy

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	grpcservicev1 "github.com/grpcservice/grpcservice/proto/grpcservice/v1"
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
		for _, option := range r.paths() {
			c := Change{r.path(option), r.value(was, option).text(), r.value(is, option).text(), r.isLive}
			if c.Old != c.New {
				changes = append(changes, c)
			}
		}
	}
	return changes
}

// Value is an option that a policy sets.
type Value struct {
	// Option is its path: "timeout.default". An option that is replaced as a whole, such as "auth" or
	// "rate", is one value.
	Option string
	// Text is its value as the text format of protos has it.
	Text string
}

// Values returns the options that a policy sets, in their order, without those that have no field
// in Go, such as retry.idempotent.
func Values(p Policy) (values []Value) {
	said := optionsOf(p)
	for _, r := range rules {
		for _, option := range r.paths() {
			if o := r.option(option); !r.isWhole && o.take == nil {
				continue
			}
			if text := r.value(said, option).text(); text != "" {
				values = append(values, Value{r.path(option), text})
			}
		}
	}
	return values
}

// paths returns the options of a rule whose values are compared: the rule's own name if it is
// replaced as a whole.
func (r rule) paths() (names []string) {
	if r.isWhole {
		return []string{r.name}
	}
	for _, o := range r.options {
		names = append(names, o.name)
	}
	return names
}

// value returns the value of an option that paths names.
func (r rule) value(p *grpcservicev1.Policy, option string) valueOf {
	if r.isWhole {
		return valueOf{p.ProtoReflect(), option}
	}
	return valueOf{r.message(p), option}
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
