package pattern

import (
	"slices"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/internal/pattern/shape"
)

// Seeker looks for the parts of a pattern: those that the policy names, and the others by name and
// type.
type Seeker struct {
	*Method
	Evidence
	Row Pattern
}

// Use returns the field that the policy names for a part, and whether the policy names one, or
// states with an empty name that there is none.
func (s *Seeker) Use(
	part string, in protoreflect.MessageDescriptor, want shape.Kind,
) (shape.Path, bool) {
	text, ok := s.saidOf(part)
	if !ok || text == "" {
		return nil, ok
	}
	path, ok := s.Named(s.Row.Option+"."+part, &text, in, want)
	if ok {
		s.ByPolicy = append(s.ByPolicy, part)
	}
	return path, ok
}

// UseOrFind is like Use, but falls back to the first field with one of the names and the right
// kind.
func (s *Seeker) UseOrFind(
	part string, in protoreflect.MessageDescriptor, want shape.Kind, names ...string,
) (path shape.Path, said bool) {
	if path, said = s.Use(part, in, want); said {
		return path, true
	}
	return shape.FirstNamed(in, names, want.Fits), false
}

// SaidPart reports whether the policy names a part, or states that there is none.
func (s *Seeker) SaidPart(part string) bool {
	_, ok := s.saidOf(part)
	return ok
}

func (s *Seeker) saidOf(part string) (text string, ok bool) {
	said := s.said(s.Row.Option)
	if said == nil {
		return "", false
	}
	field := said.Descriptor().Fields().ByName(protoreflect.Name(part))
	if field == nil || !said.Has(field) {
		return "", false
	}
	return said.Get(field).String(), true
}

// Enables reports whether the policy sets off to false for a pattern.
func (m *Method) Enables(option string) bool {
	said := m.said(option)
	return said != nil && said.Has(said.Descriptor().Fields().ByName("off")) && !m.isOff(option)
}

// Conclude reports the finding. Its reason lists the parts that the policy names.
func (s *Seeker) Conclude() {
	if names := slices.Clone(s.ByPolicy); len(names) > 0 {
		s.Reasons = append(s.Reasons, shape.Join(names)+": "+AsSaid)
	}
	s.Report(s.Row.Name, s.Evidence)
}

// Guess reports that the method may have the pattern, with the option that declares it.
func (s *Seeker) Guess(reason string) {
	s.Found(Possible, reason)
	s.Report(s.Row.Name, s.Evidence)
}
