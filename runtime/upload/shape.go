package upload

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/runtime/internal/fieldpath"
)

// shape holds the fields that [Fields] names, resolved once.
type shape struct {
	names                                                      Fields
	header, name, data, number, offset, size, checksum, finish fieldpath.Path
}

// newShape resolves the fields of a request whose header is a message of type header.
func newShape(fields Fields, req, header protoreflect.MessageDescriptor) (*shape, error) {
	s := &shape{names: fields}
	var errs []error
	for _, f := range []struct {
		to   *fieldpath.Path
		text string
		find findFunc
	}{
		{&s.header, fields.Header, finder("a message", isMessage)},
		{&s.name, fields.Name, finder("a string", isKind(protoreflect.StringKind))},
		{&s.data, fields.Data, finder("bytes", isKind(protoreflect.BytesKind))},
		{&s.number, fields.Number, fieldpath.Integer},
		{&s.offset, fields.Offset, fieldpath.Integer},
		{&s.size, fields.Size, fieldpath.Integer},
		{&s.checksum, fields.Checksum, finder("an integer of 32 bits, a string or bytes", isChecksum)},
		{&s.finish, fields.Finish, finder("a bool", isKind(protoreflect.BoolKind))},
	} {
		if f.text == "" {
			continue
		}
		found, err := f.find(req, f.text)
		errs = append(errs, err)
		*f.to = found
	}
	if fields.Data == "" {
		errs = append(errs, errors.New("no field for the data; set Data"))
	}
	if fields.Header == "" && fields.Name == "" {
		errs = append(errs, errors.New("no field that starts a file; set Header or Name"))
	}
	want := req
	if len(s.header) > 0 {
		want = s.header.Last().Message()
	}
	if header != want {
		errs = append(errs, fmt.Errorf("the header is %s, not %s", want.FullName(), header.FullName()))
	}
	return s, errors.Join(errs...)
}

// findFunc finds the field at a path of proto names.
type findFunc = func(protoreflect.MessageDescriptor, string) (fieldpath.Path, error)

// finder returns a function that finds a field of a type that is described by what.
func finder(what string, is func(protoreflect.FieldDescriptor) bool) findFunc {
	return func(desc protoreflect.MessageDescriptor, text string) (fieldpath.Path, error) {
		found, err := fieldpath.Find(desc, text)
		if err != nil {
			return nil, err
		}
		last := fieldpath.Path(found).Last()
		if !is(last) || last.Cardinality() == protoreflect.Repeated {
			return nil, fmt.Errorf("%s is %s, not %s", text, fieldpath.TypeOf(last), what)
		}
		return found, nil
	}
}

func isMessage(fd protoreflect.FieldDescriptor) bool { return fd.Message() != nil }

func isKind(kind protoreflect.Kind) func(protoreflect.FieldDescriptor) bool {
	return func(fd protoreflect.FieldDescriptor) bool { return fd.Kind() == kind }
}

// isSigned reports whether an integer of 32 bits has a sign.
func isSigned(kind protoreflect.Kind) bool {
	switch kind {
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		return true
	}
	return false
}

func is32(kind protoreflect.Kind) bool {
	return isSigned(kind) || kind == protoreflect.Uint32Kind || kind == protoreflect.Fixed32Kind
}

func isChecksum(fd protoreflect.FieldDescriptor) bool {
	return is32(fd.Kind()) || fd.Kind() == protoreflect.StringKind || fd.Kind() == protoreflect.BytesKind
}

// isLast reports whether a request marks its chunk as the last one.
func (s *shape) isLast(m protoreflect.Message) bool {
	return len(s.finish) > 0 && s.finish.Get(m).Bool()
}
