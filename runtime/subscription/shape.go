package subscription

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/runtime/internal/fieldpath"
)

// shape holds the fields that [Fields] names, resolved once.
type shape struct {
	names Fields
	// Empty if there is no such field.
	position, since, types, lines, level fieldpath.Path // of the request
	nextPosition, time, kind, entryLevel fieldpath.Path // of the response
	marks                                bool           // clients may get marks
}

// finder finds a field of a type.
type finder func(desc protoreflect.MessageDescriptor, text string) (fieldpath.Path, error)

// newShape resolves the fields of a request and a response.
func newShape(fields Fields, req, resp protoreflect.MessageDescriptor) (*shape, error) {
	s := &shape{names: fields}
	var errs []error
	find := func(p *fieldpath.Path, text string, desc protoreflect.MessageDescriptor, how finder) {
		if text == "" {
			return
		}
		var err error
		if *p, err = how(desc, text); err != nil {
			errs = append(errs, err)
		}
	}
	find(&s.position, fields.Position, req, fieldpath.Text)
	find(&s.since, fields.Since, req, fieldpath.Timestamp)
	find(&s.types, fields.Types, req, symbols)
	find(&s.lines, fields.Lines, req, fieldpath.Integer)
	find(&s.level, fields.Level, req, symbol)
	find(&s.nextPosition, fields.NextPosition, resp, fieldpath.Text)
	find(&s.time, fields.Time, resp, fieldpath.Timestamp)
	find(&s.kind, fields.Type, resp, symbol)
	find(&s.entryLevel, fields.EntryLevel, resp, symbol)
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return s, errors.Join(s.misuse()...)
}

// misuse returns the mistakes in the fields.
func (s *shape) misuse() (errs []error) {
	for names, alone := range map[string]bool{
		"Position and NextPosition": (len(s.position) == 0) != (len(s.nextPosition) == 0),
		"Types and Type":            (len(s.types) == 0) != (len(s.kind) == 0),
		"Level and EntryLevel":      (len(s.level) == 0) != (len(s.entryLevel) == 0),
	} {
		if alone {
			errs = append(errs, fmt.Errorf("only one is set; set both %s, or neither", names))
		}
	}
	errs = append(errs, sameType(s.types, s.kind, s.names.Types, s.names.Type))
	return append(errs, sameType(s.level, s.entryLevel, s.names.Level, s.names.EntryLevel))
}

// sameType returns an error unless two fields, if they exist, are both strings or of the same
// enum.
func sameType(a, b fieldpath.Path, aName, bName string) error {
	if len(a) == 0 || len(b) == 0 || enumOf(a) == enumOf(b) {
		return nil
	}
	return fmt.Errorf("%s and %s have different types; both must be strings or of the same enum",
		aName, bName)
}

// enumOf returns the name of a field's enum, or "" for a string.
func enumOf(p fieldpath.Path) protoreflect.FullName {
	if enum := p.Last().Enum(); enum != nil {
		return enum.FullName()
	}
	return ""
}

// symbols finds a string or an enum, or a list of one.
func symbols(desc protoreflect.MessageDescriptor, text string) (fieldpath.Path, error) {
	p, err := fieldpath.Find(desc, text)
	if err != nil {
		return nil, err
	}
	field := p[len(p)-1]
	kind := field.Kind()
	if field.IsMap() || kind != protoreflect.StringKind && kind != protoreflect.EnumKind {
		return nil, fmt.Errorf("%s is %s, not a string or an enum", text, fieldpath.TypeOf(field))
	}
	return p, nil
}

// symbol finds a string or an enum.
func symbol(desc protoreflect.MessageDescriptor, text string) (fieldpath.Path, error) {
	p, err := symbols(desc, text)
	if err == nil && p.Last().IsList() {
		return nil, fmt.Errorf("%s is a list, not a string or an enum", text)
	}
	return p, err
}
