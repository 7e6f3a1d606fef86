// Package room is the pattern of a method whose callers are members of rooms: each member receives
// the messages of all members.
package room

import (
	"fmt"
	"reflect"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/internal/gen/view"
	"github.com/grpcservice/grpcservice/internal/golang"
	"github.com/grpcservice/grpcservice/internal/model"
	"github.com/grpcservice/grpcservice/internal/pattern"
	"github.com/grpcservice/grpcservice/internal/pattern/shape"
	"github.com/grpcservice/grpcservice/runtime/policy"
)

// Name is the name of the pattern.
const Name = "room"

// Pattern returns the table row of the pattern.
func Pattern() pattern.Pattern {
	return pattern.Pattern{
		Name: Name, Option: Name, Is: "a room", What: "room", Docs: "rooms.md",
		Kinds: pattern.Bidi, Detect: detect,
		Parts:     []string{"key"},
		Shown:     "room.key",
		Package:   hub(),
		Needs:     pattern.Needs{Dependency: rooms()},
		Arguments: reflect.TypeFor[Arguments](), Stub: reflect.TypeFor[StubMethod](),
	}
}

func hub() pattern.Package {
	return pattern.Package{Name: "hub", Path: "github.com/grpcservice/grpcservice/runtime/hub"}
}

// rooms returns the dependency for the hub that manages the rooms.
func rooms() *pattern.Dependency {
	return &pattern.Dependency{
		Name: "rooms", Package: hub(), Type: "Hub", New: "New",
		Doc:  "whose members meet in the rooms of the hub",
		TODO: "Connect the hub with those of other replicas: hub.WithBus.",
	}
}

// keyNames are the names of the key of a room, in order of preference.
var keyNames = []string{
	"room_id", "room", "room_name", "channel_id", "channel", "topic", "document_id", "game_id", "session_id",
	"lobby_id", "match_id", "chat_id", "conversation_id",
}

// detect looks for the key of a room in the request and the response.
func detect(m *pattern.Method) pattern.Found {
	s := pattern.Seeker{Method: m, Row: Pattern()}
	if path, said := s.Use("key", m.In, shape.ARoomKey); said {
		s.Conclude()
		return &Room{path}
	}
	guess := keyInArm(m.In)
	keys := shape.AllNamed(m.In, keyNames, isKey)
	for _, key := range keys {
		other := shape.FieldNamed(m.Out, shape.Snake(key.Field().Name()))
		if other != nil && isKey(other) && other.Kind() == key.Field().Kind() {
			s.Advise("key", key)
			s.Found(pattern.Likely, fmt.Sprintf("key: %s, in request and response, by its name", key))
			s.Conclude()
			return &Room{key}
		}
	}
	if len(keys) > 0 {
		guess = keys[0]
	}
	if len(guess) > 0 {
		s.Advise("key", guess)
		s.Guess(fmt.Sprintf("key: %s, by its name", guess))
	}
	return nil
}

// keyInArm returns the key in a message of a oneof.
func keyInArm(in protoreflect.MessageDescriptor) shape.Path {
	for arm := range shape.FieldsOf(in) {
		if !shape.IsArm(arm) || shape.IsDeprecated(arm) {
			continue
		}
		if key := shape.FirstNamed(arm.Message(), keyNames, isKey); len(key) > 0 {
			return shape.Path{arm, key.Field()}
		}
	}
	return nil
}

func isKey(f protoreflect.FieldDescriptor) bool {
	return shape.ARoomKey.Fits(f) && !shape.IsDeprecated(f)
}

// Room is the field that names the room of a request.
type Room struct {
	Key shape.Path // a string or an integer
}

// Fields implements [pattern.Found].
func (r *Room) Fields() map[string]any { return pattern.Fields(map[string]shape.Path{"key": r.Key}) }

// Limits implements [pattern.Found].
func (r *Room) Limits(has *policy.Patterns) { has.Add(Name) }

// Arguments are the arguments of the helper's constructor, as helper_room.go.tmpl writes them.
type Arguments struct{ Fields []view.HelperField }

// Helper implements [model.Helped].
func (r *Room) Helper(s *model.Scope) model.Helper {
	m := s.Method()
	return model.Helper{
		Constructor: "Of",
		Summary:     fmt.Sprintf("serves %s to the members of rooms.", m.GoName),
		Arguments:   Arguments{view.SetFields(view.PathField("Room", r.Key))},
		Takes:       []golang.Ident{s.Ident(m.Output.GoIdent)},
		Stub:        Stub{Echoes: m.Input.Desc == m.Output.Desc},
	}
}

// Stub is the data of the starter code for a user's method.
type Stub struct {
	Echoes bool // whether a request can be sent unchanged to the members of its room
}

// StubMethod is a user's method, as stub_room.go.tmpl sees it.
type StubMethod struct {
	view.MethodStub
	Stub
}

// Of implements [view.Stub].
func (s Stub) Of(m view.MethodStub) any { return StubMethod{m, s} }
