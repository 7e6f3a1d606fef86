package policy

import (
	"reflect"
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// option is a field of the options: a row of the table from which everything about the field is
// derived. S has its Go value: a [Policy], or an element of one of its lists.
type option[S any] struct {
	name  string
	check func(f *faults, path string, v protoreflect.Value) // nil where any value can be

	// What Go has of it; nil where that is nothing.
	decode func(s *S, v protoreflect.Value, set bool)
	encode func(s *S, m protoreflect.Message, fd protoreflect.FieldDescriptor)
	take   func(to, from *S)
	value  func(s *S) any // as reports have it

	hasDefault bool  // whether decode completes what is not set
	elsewhere  bool  // whether the server or the client has the default
	of         calls // the methods that it is for; the zero value means all
	shape      bool  // whether it says where a pattern is, and not what its limits are
}

// field is a row of an option with a Go field. completes is the value of an unset option whose
// rule is set; the zero value means that it stays unset.
func field[S, T any](name string, k kind[T], at func(*S) *T, completes ...T) option[S] {
	return option[S]{
		name:  name,
		check: k.check,
		decode: func(s *S, v protoreflect.Value, set bool) {
			if set {
				*at(s) = k.decode(v)
			}
			if len(completes) > 0 && reflect.ValueOf(at(s)).Elem().IsZero() {
				*at(s) = completes[0]
			}
		},
		encode: func(s *S, m protoreflect.Message, fd protoreflect.FieldDescriptor) {
			list := func() protoreflect.List { return m.NewField(fd).List() }
			if v, ok := k.encode(*at(s), list); ok {
				m.Set(fd, v)
			}
		},
		take:       func(to, from *S) { *at(to) = *at(from) },
		value:      func(s *S) any { return plain(*at(s)) },
		hasDefault: len(completes) > 0,
	}
}

// completed marks an option that another option of its rule completes.
func (o option[S]) completed() option[S] {
	o.hasDefault = true
	return o
}

// atServer marks an option whose default is in the server or the client.
func (o option[S]) atServer() option[S] {
	o.elsewhere = true
	return o
}

// forCalls limits an option to some methods.
func (o option[S]) forCalls(of calls) option[S] {
	o.of = of
	return o
}

// said is a row of an option without a Go field.
func said(name string) option[Policy] { return option[Policy]{name: name} }

// shape is a row of an option for the shape of a pattern.
func shape(name string, check func(f *faults, path string, v protoreflect.Value)) option[Policy] {
	return option[Policy]{name: name, check: check, shape: true}
}

// plain returns a value in JSON's types.
func plain(value any) any {
	if d, ok := value.(time.Duration); ok {
		return d.String()
	}
	return value
}

// fieldOf returns the field of a message of options; each row has one, as a test holds.
func fieldOf(m protoreflect.Message, name string) protoreflect.FieldDescriptor {
	return m.Descriptor().Fields().ByName(protoreflect.Name(name))
}

// isOff reports whether the options of a pattern disable it.
func isOff(m protoreflect.Message) bool { return m.Get(m.Descriptor().Fields().ByName("off")).Bool() }

// fieldsSet returns the names of the fields that are set, except off, in the order of their
// numbers.
func fieldsSet(m protoreflect.Message) (names []string) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		if fd := fields.Get(i); fd.Name() != "off" && m.Has(fd) {
			names = append(names, string(fd.Name()))
		}
	}
	return names
}

// decodeInto sets what Go has of some options that a message says.
func decodeInto[S any](s *S, options []option[S], m protoreflect.Message) {
	for _, o := range options {
		if o.decode != nil {
			fd := fieldOf(m, o.name)
			o.decode(s, m.Get(fd), m.Has(fd))
		}
	}
}

// encodeInto is the reverse of decodeInto.
func encodeInto[S any](s *S, options []option[S], m protoreflect.Message) {
	for _, o := range options {
		if o.encode != nil {
			o.encode(s, m, fieldOf(m, o.name))
		}
	}
}

// checkOptions reports what is wrong with the options that a message sets, each by itself.
func checkOptions[S any](
	f *faults, options []option[S], m protoreflect.Message, path func(string) string,
) {
	for _, o := range options {
		fd := fieldOf(m, o.name)
		if !m.Has(fd) {
			continue
		}
		if fd.Kind() == protoreflect.EnumKind {
			f.enumNumber(path(o.name), fd.Enum(), m.Get(fd).Enum())
		}
		if o.check != nil {
			o.check(f, path(o.name), m.Get(fd))
		}
	}
}
