package fieldpath

import (
	"fmt"
	"math"
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// Path leads from a message to a field in it or in a nested message. An empty path means that
// there is no field.
type Path []protoreflect.FieldDescriptor

// Last returns the field at the end of a path.
func (p Path) Last() protoreflect.FieldDescriptor { return p[len(p)-1] }

// parent returns the message in m that has the field.
func (p Path) parent(m protoreflect.Message) protoreflect.Message {
	for _, field := range p[:len(p)-1] {
		m = m.Get(field).Message()
	}
	return m
}

// Get returns the value of the field in m, or its default if it is unset.
func (p Path) Get(m protoreflect.Message) protoreflect.Value { return p.parent(m).Get(p.Last()) }

// Has reports whether the field is set in m.
func (p Path) Has(m protoreflect.Message) bool { return p.parent(m).Has(p.Last()) }

// Set sets the field in m, and creates the messages on the way to it.
func (p Path) Set(m protoreflect.Message, value protoreflect.Value) {
	Holder(p, m).Set(p.Last(), value)
}

// Text finds a string or bytes field.
func Text(desc protoreflect.MessageDescriptor, text string) (Path, error) {
	p, err := Find(desc, text)
	if err != nil {
		return nil, err
	}
	kind := p[len(p)-1].Kind()
	if !isSingular(p) || kind != protoreflect.StringKind && kind != protoreflect.BytesKind {
		return nil, mismatch(p, text, "a string or bytes")
	}
	return p, nil
}

// Text returns the text in a field of m that [Text] found.
func (p Path) Text(m protoreflect.Message) string {
	if value := p.Get(m); p.Last().Kind() == protoreflect.BytesKind {
		return string(value.Bytes())
	} else {
		return value.String()
	}
}

// SetText sets the text in a field of m.
func (p Path) SetText(m protoreflect.Message, text string) {
	if p.Last().Kind() == protoreflect.BytesKind {
		p.Set(m, protoreflect.ValueOfBytes([]byte(text)))
		return
	}
	p.Set(m, protoreflect.ValueOfString(text))
}

// Integer finds a field of any integer type. For a wrapper of google.protobuf, the path leads to
// the number in it.
func Integer(desc protoreflect.MessageDescriptor, text string) (Path, error) {
	p, err := Find(desc, text)
	if err != nil {
		return nil, err
	}
	if wrapper := p.Last().Message(); isSingular(p) && wrapper != nil &&
		wrapper.ParentFile().Path() == "google/protobuf/wrappers.proto" {
		p = append(p, wrapper.Fields().ByName("value"))
	}
	if !isSingular(p) || !isInteger(p.Last().Kind()) {
		return nil, mismatch(p, text, "an integer")
	}
	return p, nil
}

// Integer returns the number in a field of m that [Integer] found, at most the maximum of an
// int64.
func (p Path) Integer(m protoreflect.Message) int64 {
	switch value := p.Get(m).Interface().(type) {
	case int32:
		return int64(value)
	case int64:
		return value
	case uint32:
		return int64(value)
	case uint64:
		return int64(min(value, math.MaxInt64))
	}
	return 0
}

// SetInteger sets the number in a field of m that [Integer] found. It returns false if the type of
// the field cannot hold n.
func (p Path) SetInteger(m protoreflect.Message, n int64) bool {
	value := protoreflect.ValueOfInt64(n)
	fits := true
	switch p.Last().Kind() {
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		value, fits = protoreflect.ValueOfInt32(int32(n)), n == int64(int32(n))
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		value, fits = protoreflect.ValueOfUint32(uint32(n)), n == int64(uint32(n))
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		value, fits = protoreflect.ValueOfUint64(uint64(n)), n >= 0
	}
	if fits {
		p.Set(m, value)
	}
	return fits
}

// SetAtMost sets the number in a field of m that [Integer] found to n, which is not negative, or to
// the maximum of the field's type if that is less.
func (p Path) SetAtMost(m protoreflect.Message, n int64) {
	highest := int64(math.MaxInt64)
	switch p.Last().Kind() {
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		highest = math.MaxInt32
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		highest = math.MaxUint32
	}
	p.SetInteger(m, min(n, highest))
}

func isInteger(kind protoreflect.Kind) bool {
	switch kind {
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind,
		protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind,
		protoreflect.Uint32Kind, protoreflect.Fixed32Kind,
		protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return true
	}
	return false
}

// Timestamp finds a google.protobuf.Timestamp.
func Timestamp(desc protoreflect.MessageDescriptor, text string) (Path, error) {
	p, err := Find(desc, text)
	if err != nil {
		return nil, err
	}
	message := p[len(p)-1].Message()
	if !isSingular(p) || message == nil || message.FullName() != "google.protobuf.Timestamp" {
		return nil, mismatch(p, text, "a google.protobuf.Timestamp")
	}
	return p, nil
}

// Time returns the time in a field of m that [Timestamp] found. It returns false if the field is
// unset or its time is outside the years 1 to 9999.
func (p Path) Time(m protoreflect.Message) (time.Time, bool) {
	holder := p.parent(m)
	if !holder.Has(p.Last()) {
		return time.Time{}, false
	}
	stamp := holder.Get(p.Last()).Message()
	fields := stamp.Descriptor().Fields()
	seconds, nanos := stamp.Get(fields.ByNumber(1)).Int(), stamp.Get(fields.ByNumber(2)).Int()
	const earliest, latest = -62135596800, 253402300799
	if seconds < earliest || seconds > latest || nanos < 0 || nanos >= int64(time.Second) {
		return time.Time{}, false
	}
	return time.Unix(seconds, nanos).UTC(), true
}

func isSingular(p Path) bool { return !p.Last().IsList() && !p.Last().IsMap() }

func mismatch(p Path, text, want string) error {
	return fmt.Errorf("%s is %s, not %s", text, TypeOf(p.Last()), want)
}

// TypeOf describes the type of a field, for errors.
func TypeOf(field protoreflect.FieldDescriptor) string {
	switch {
	case field.IsMap():
		return "a map"
	case field.IsList():
		return "a list"
	case field.Message() != nil:
		return string(field.Message().FullName())
	}
	return field.Kind().String()
}
