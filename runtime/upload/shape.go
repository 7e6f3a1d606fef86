package upload

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/runtime/internal/fieldpath"
)

// path leads from a request to a field in it or in a nested message; nil if there is no such field.
type path []protoreflect.FieldDescriptor

func (p path) last() protoreflect.FieldDescriptor { return p[len(p)-1] }

// get returns the value of the field in m, or its default.
func (p path) get(m protoreflect.Message) protoreflect.Value {
	for _, field := range p[:len(p)-1] {
		m = m.Get(field).Message()
	}
	return m.Get(p.last())
}

// isSet reports whether the field is set in m, or is not its default where that cannot be told.
func (p path) isSet(m protoreflect.Message) bool {
	for _, field := range p[:len(p)-1] {
		m = m.Get(field).Message()
	}
	return m.Has(p.last())
}

// set sets the field in m.
func (p path) set(m protoreflect.Message, value protoreflect.Value) {
	fieldpath.Holder(p, m).Set(p.last(), value)
}

// shape holds the fields that [Fields] names, resolved once.
type shape struct {
	names                                                      Fields
	header, name, data, number, offset, size, checksum, finish path
}

// newShape resolves the fields of a request.
func newShape(fields Fields, req protoreflect.MessageDescriptor) (*shape, error) {
	s := &shape{names: fields}
	var errs []error
	for _, f := range []struct {
		to   *path
		text string
		what string
		is   func(protoreflect.FieldDescriptor) bool
	}{
		{&s.header, fields.Header, "a message", isMessage},
		{&s.name, fields.Name, "a string", isKind(protoreflect.StringKind)},
		{&s.data, fields.Data, "bytes", isKind(protoreflect.BytesKind)},
		{&s.number, fields.Number, "an integer", isInteger},
		{&s.offset, fields.Offset, "an integer", isInteger},
		{&s.size, fields.Size, "an integer", isInteger},
		{&s.checksum, fields.Checksum, "an integer of 32 bits, a string or bytes", isChecksum},
		{&s.finish, fields.Finish, "a bool", isKind(protoreflect.BoolKind)},
	} {
		if f.text == "" {
			continue
		}
		found, err := fieldpath.Find(req, f.text)
		if err == nil && (!f.is(path(found).last()) || path(found).last().Cardinality() == protoreflect.Repeated) {
			err = fmt.Errorf("%s is not %s", f.text, f.what)
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		*f.to = found
	}
	if fields.Data == "" {
		errs = append(errs, errors.New("no field for the data; set Data"))
	}
	if fields.Header == "" && fields.Name == "" {
		errs = append(errs, errors.New("no field that starts a file; set Header or Name"))
	}
	return s, errors.Join(errs...)
}

func isMessage(fd protoreflect.FieldDescriptor) bool { return fd.Message() != nil }

func isKind(kind protoreflect.Kind) func(protoreflect.FieldDescriptor) bool {
	return func(fd protoreflect.FieldDescriptor) bool { return fd.Kind() == kind }
}

// isInteger reports whether a field is an integer.
func isInteger(fd protoreflect.FieldDescriptor) bool {
	return isSigned(fd.Kind()) || isUnsigned(fd.Kind())
}

func isSigned(kind protoreflect.Kind) bool {
	switch kind {
	case protoreflect.Int32Kind, protoreflect.Int64Kind, protoreflect.Sint32Kind, protoreflect.Sint64Kind,
		protoreflect.Sfixed32Kind, protoreflect.Sfixed64Kind:
		return true
	}
	return false
}

func isUnsigned(kind protoreflect.Kind) bool {
	switch kind {
	case protoreflect.Uint32Kind, protoreflect.Uint64Kind, protoreflect.Fixed32Kind, protoreflect.Fixed64Kind:
		return true
	}
	return false
}

func is32(kind protoreflect.Kind) bool {
	switch kind {
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind,
		protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return true
	}
	return false
}

func isChecksum(fd protoreflect.FieldDescriptor) bool {
	return is32(fd.Kind()) || fd.Kind() == protoreflect.StringKind || fd.Kind() == protoreflect.BytesKind
}

// integer returns the value of an integer field, and -1 for one above the maximum of an int64.
func (p path) integer(m protoreflect.Message) int64 {
	value := p.get(m)
	if isSigned(p.last().Kind()) {
		return value.Int()
	}
	return max(int64(value.Uint()), -1)
}

// setInteger sets an integer field, unless n does not fit into its type.
func (p path) setInteger(m protoreflect.Message, n int64) bool {
	kind := p.last().Kind()
	switch {
	case is32(kind) && isSigned(kind):
		if n != int64(int32(n)) {
			return false
		}
		p.set(m, protoreflect.ValueOfInt32(int32(n)))
	case is32(kind):
		if n != int64(uint32(n)) {
			return false
		}
		p.set(m, protoreflect.ValueOfUint32(uint32(n)))
	case isSigned(kind):
		p.set(m, protoreflect.ValueOfInt64(n))
	default:
		p.set(m, protoreflect.ValueOfUint64(uint64(n)))
	}
	return true
}
