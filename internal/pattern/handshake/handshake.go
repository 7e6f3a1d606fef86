// Package handshake is the pattern of a method whose first request differs from the others.
package handshake

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/internal/gen/view"
	"github.com/grpcservice/grpcservice/internal/model"
	"github.com/grpcservice/grpcservice/internal/pattern"
	"github.com/grpcservice/grpcservice/internal/pattern/shape"
	"github.com/grpcservice/grpcservice/runtime/policy"
)

// Name is the name of the pattern.
const Name = "handshake"

// Pattern returns the table row of the pattern.
func Pattern() pattern.Pattern {
	return pattern.Pattern{
		Name: Name, Option: Name, Is: "a handshake", What: "handshake", Docs: "handshakes.md",
		Kinds: pattern.Bidi, Detect: detect,
		Parts:     []string{"arm"},
		Shown:     "handshake.arm",
		Package:   pattern.Package{Name: "handshake", Path: "github.com/grpcservice/grpcservice/runtime/handshake"},
		Arguments: reflect.TypeFor[Arguments](), Stub: reflect.TypeFor[StubMethod](),
	}
}

// armNames are typical names of a first request.
var armNames = []string{
	"config", "setup", "init", "initial", "open", "start", "streaming_config", "join", "hello", "handshake",
	"initial_request", "begin", "connect",
}

// scalarNames are those of armNames that name nothing but a first request. A string named join or
// open may as well be a command of any request.
var scalarNames = []string{
	"config", "setup", "init", "initial", "streaming_config", "hello", "handshake", "initial_request",
}

// detect looks for a handshake: a oneof of the request with a field that is named like a first
// request.
func detect(m *pattern.Method) pattern.Found {
	s := pattern.Seeker{Method: m, Row: Pattern()}
	if path, said := s.Use("arm", m.In, shape.AnyArm); said {
		s.Conclude()
		return &Handshake{path}
	}
	var best arm
	for i := range m.In.Oneofs().Len() {
		if a := armOf(m.In.Oneofs().Get(i)); a.level > best.level {
			best = a
		}
	}
	if best.field == nil {
		return nil
	}
	path := shape.Path{best.field}
	s.Advise("arm", path)
	reason := fmt.Sprintf("arm: %s, %s", path, best.why)
	if best.level == pattern.Possible {
		s.Guess(reason)
		return nil
	}
	s.Found(best.level, reason)
	s.Conclude()
	return &Handshake{path}
}

// arm is a field of a oneof that may be the first request.
type arm struct {
	field protoreflect.FieldDescriptor
	level pattern.Level
	why   string
}

// armOf returns the field of a oneof that is named like a first request, or none.
func armOf(oneof protoreflect.OneofDescriptor) arm {
	fields := oneof.Fields()
	if oneof.IsSynthetic() || fields.Len() < 2 {
		return arm{}
	}
	for i := range fields.Len() {
		f := fields.Get(i)
		if !shape.IsMessage(f) || shape.IsDeprecated(f) || !slices.Contains(armNames, shape.Snake(f.Name())) {
			continue
		}
		if i > 0 {
			return arm{f, pattern.Likely, "by its name, although it is not the first of its oneof"}
		}
		return arm{f, pattern.Certain, "the first of its oneof, by its name"}
	}
	return armByPlace(fields.Get(0))
}

// armByPlace returns the first field of a oneof if its name and its place make it a first request.
func armByPlace(f protoreflect.FieldDescriptor) arm {
	name := shape.Snake(f.Name())
	switch {
	case shape.IsDeprecated(f):
		return arm{}
	case !shape.IsMessage(f):
		return scalarArm(f, name)
	case slices.ContainsFunc([]string{"_config", "_setup", "_init"}, func(end string) bool {
		return strings.HasSuffix(name, end)
	}):
		return arm{f, pattern.Likely, "the first of its oneof, by the end of its name"}
	default:
		return arm{}
	}
}

// scalarArm returns a field that is not a message if it may be a first request. A bool is a signal.
func scalarArm(f protoreflect.FieldDescriptor, name string) arm {
	switch {
	case shape.IsBool(f) || !slices.Contains(armNames, name):
		return arm{}
	case slices.Contains(scalarNames, name):
		return arm{f, pattern.Likely, "the first of its oneof, by its name, although it is not a message"}
	default:
		return arm{f, pattern.Possible, "the first of its oneof, by its name, although it is not a message"}
	}
}

// Handshake contains the field of the first request.
type Handshake struct {
	Arm shape.Path // a field of a oneof
}

// Fields implements [pattern.Found].
func (h *Handshake) Fields() map[string]any {
	return pattern.Fields(map[string]shape.Path{"arm": h.Arm})
}

// Limits implements [pattern.Found].
func (h *Handshake) Limits(has *policy.Patterns) { has.Add(Name) }

// Arguments are the arguments of the helper's constructor, as helper_handshake.go.tmpl writes them.
type Arguments struct {
	Arm    view.Accessor
	Fields []view.HelperField
}

// Helper implements [model.Helped].
func (h *Handshake) Helper(s *model.Scope) model.Helper {
	m := s.Method()
	return model.Helper{
		Constructor: "Of",
		Summary:     fmt.Sprintf("serves %s after the first request, which has %s.", m.GoName, h.Arm),
		Arguments: Arguments{
			Arm:    view.OfAccessor(s.Accessor(m.Input.Desc, h.Arm)),
			Fields: view.SetFields(view.PathField("Arm", h.Arm)),
		},
		Stub: Stub{First: view.Type(s.Type(h.Arm.Field()))},
	}
}

// Stub is the data of the starter code for a user's method.
type Stub struct{ First view.Type }

// StubMethod is a user's method, as stub_handshake.go.tmpl sees it.
type StubMethod struct {
	view.MethodStub
	Stub
}

// Of implements [view.Stub].
func (s Stub) Of(m view.MethodStub) any { return StubMethod{m, s} }
