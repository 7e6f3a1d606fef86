// Package handshake is the pattern of a method whose first request differs from the others.
package handshake

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/internal/gen/view"
	"github.com/grpcservice/grpcservice/internal/golang"
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

// detect looks for a handshake: a oneof of the request with a message that is named like a first
// request.
func detect(m *pattern.Method) pattern.Found {
	s := pattern.Seeker{Method: m, Row: Pattern()}
	if path, said := s.Use("arm", m.In, shape.AnArm); said {
		s.Conclude()
		return &Handshake{path}
	}
	for i := range m.In.Oneofs().Len() {
		arm, isFirst := armOf(m.In.Oneofs().Get(i))
		if arm == nil {
			continue
		}
		path := shape.Path{arm}
		switch {
		case !slices.Contains(armNames, shape.Snake(arm.Name())):
			s.Found(pattern.Likely, fmt.Sprintf("arm: %s, the first of its oneof, by the end of its name", path))
		case !isFirst:
			s.Found(pattern.Likely, fmt.Sprintf("arm: %s, by its name, although it is not the first of its oneof", path))
		default:
			s.Found(pattern.Certain, fmt.Sprintf("arm: %s, the first of its oneof, by its name", path))
		}
		s.Advise("arm", path)
		s.Conclude()
		return &Handshake{path}
	}
	return nil
}

// armOf returns the message of a oneof that is named like a first request, and whether it is the
// first of several.
func armOf(oneof protoreflect.OneofDescriptor) (arm protoreflect.FieldDescriptor, isFirst bool) {
	fields := oneof.Fields()
	if oneof.IsSynthetic() || fields.Len() < 2 {
		return nil, false
	}
	for i := range fields.Len() {
		f := fields.Get(i)
		if shape.IsMessage(f) && !shape.IsDeprecated(f) && slices.Contains(armNames, shape.Snake(f.Name())) {
			return f, i == 0
		}
	}
	if f := fields.Get(0); shape.IsMessage(f) && !shape.IsDeprecated(f) &&
		slices.ContainsFunc([]string{"_config", "_setup", "_init"}, func(end string) bool {
			return strings.HasSuffix(shape.Snake(f.Name()), end)
		}) {
		return f, true
	}
	return nil, false
}

// Handshake contains the field of the first request.
type Handshake struct {
	Arm shape.Path // a message in a oneof
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
		Stub: Stub{First: s.Message(h.Arm.Field().Message())},
	}
}

// Stub is the data of the starter code for a user's method.
type Stub struct{ First golang.Ident }

// StubMethod is a user's method, as stub_handshake.go.tmpl sees it.
type StubMethod struct {
	view.MethodStub
	Stub
}

// Of implements [view.Stub].
func (s Stub) Of(m view.MethodStub) any { return StubMethod{m, s} }
