package operation

import (
	"strings"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"github.com/google/go-cmp/cmp"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// operationLikes are custom operation messages.
var operationLikes = sync.OnceValue(func() protoreflect.FileDescriptor {
	file := &descriptorpb.FileDescriptorProto{}
	if err := prototext.Unmarshal([]byte(operationLikesText), file); err != nil {
		panic(err)
	}
	likes, err := protodesc.NewFile(file, protoregistry.GlobalFiles)
	if err != nil {
		panic(err)
	}
	return likes
})

const operationLikesText = `
name: "test/operationlikes.proto" package: "test.likes" syntax: "proto3"
dependency: "google/protobuf/any.proto" dependency: "google/protobuf/duration.proto" dependency: "google/protobuf/timestamp.proto"
dependency: "google/protobuf/wrappers.proto" dependency: "google/rpc/status.proto"
message_type { name: "Oneof"
	field { name: "id" number: 1 type: TYPE_STRING label: LABEL_OPTIONAL }
	field { name: "created_at" number: 2 type: TYPE_MESSAGE type_name: ".google.protobuf.Timestamp" label: LABEL_OPTIONAL }
	field { name: "modified_at" number: 3 type: TYPE_MESSAGE type_name: ".google.protobuf.Timestamp" label: LABEL_OPTIONAL }
	field { name: "done" number: 4 type: TYPE_BOOL label: LABEL_OPTIONAL }
	field { name: "metadata" number: 5 type: TYPE_MESSAGE type_name: ".google.protobuf.Any" label: LABEL_OPTIONAL }
	field { name: "error" number: 6 type: TYPE_MESSAGE type_name: ".google.rpc.Status" label: LABEL_OPTIONAL oneof_index: 0 }
	field { name: "response" number: 7 type: TYPE_MESSAGE type_name: ".google.protobuf.Any" label: LABEL_OPTIONAL oneof_index: 0 }
	oneof_decl { name: "result" } }
message_type { name: "Typed"
	field { name: "name" number: 1 type: TYPE_STRING label: LABEL_OPTIONAL }
	field { name: "done" number: 2 type: TYPE_BOOL label: LABEL_OPTIONAL }
	field { name: "status" number: 3 type: TYPE_MESSAGE type_name: ".google.rpc.Status" label: LABEL_OPTIONAL }
	field { name: "result" number: 4 type: TYPE_MESSAGE type_name: ".google.protobuf.StringValue" label: LABEL_OPTIONAL }
	field { name: "metadata" number: 5 type: TYPE_MESSAGE type_name: ".google.protobuf.Duration" label: LABEL_OPTIONAL } }
message_type { name: "OwnStatus"
	field { name: "job" number: 1 type: TYPE_MESSAGE type_name: ".test.likes.OwnStatus.Job" label: LABEL_OPTIONAL }
	nested_type { name: "Job"
		field { name: "key" number: 1 type: TYPE_STRING label: LABEL_OPTIONAL }
		field { name: "finished" number: 2 type: TYPE_BOOL label: LABEL_OPTIONAL }
		field { name: "failure" number: 3 type: TYPE_MESSAGE type_name: ".test.likes.OwnStatus.Status" label: LABEL_OPTIONAL }
		field { name: "answer" number: 4 type: TYPE_MESSAGE type_name: ".google.protobuf.Any" label: LABEL_OPTIONAL } }
	nested_type { name: "Status"
		field { name: "code" number: 1 type: TYPE_INT64 label: LABEL_OPTIONAL }
		field { name: "message" number: 2 type: TYPE_STRING label: LABEL_OPTIONAL }
		field { name: "details" number: 3 type: TYPE_MESSAGE type_name: ".google.protobuf.Any" label: LABEL_REPEATED } } }
message_type { name: "NoName" field { name: "done" number: 2 type: TYPE_BOOL label: LABEL_OPTIONAL } }
message_type { name: "NoDone" field { name: "name" number: 1 type: TYPE_STRING label: LABEL_OPTIONAL } }
message_type { name: "NoError"
	field { name: "name" number: 1 type: TYPE_STRING label: LABEL_OPTIONAL }
	field { name: "done" number: 2 type: TYPE_BOOL label: LABEL_OPTIONAL } }
message_type { name: "GetRequest"
	field { name: "operation" number: 1 type: TYPE_MESSAGE type_name: ".test.likes.Oneof" label: LABEL_OPTIONAL }
	field { name: "operation_id" number: 2 type: TYPE_STRING label: LABEL_OPTIONAL } }
`

// LikeOf returns the descriptor of one of the messages above.
func LikeOf(name protoreflect.Name) protoreflect.MessageDescriptor {
	return operationLikes().Messages().ByName(name)
}

// pack returns an Any of m.
func pack(t testing.TB, m proto.Message) *anypb.Any {
	t.Helper()
	packed, err := anypb.New(m)
	if err != nil {
		t.Fatal(err)
	}
	return packed
}

var ownStatus = Fields{Name: "job.key", Done: "job.finished", Error: "job.failure", Response: "job.answer"}

func TestMessagesOfAnyShapeSayWhatWasWritten(t *testing.T) {
	created := time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)
	shapes := []struct {
		name    string
		desc    protoreflect.MessageDescriptor
		fields  Fields
		without bool // metadata
	}{
		{name: "google's", desc: (&longrunningpb.Operation{}).ProtoReflect().Descriptor()},
		{name: "oneof", desc: LikeOf("Oneof")},
		{name: "typed", desc: LikeOf("Typed")},
		{name: "own status, nested", desc: LikeOf("OwnStatus"), fields: ownStatus, without: true},
	}
	metadata := pack(t, durationpb.New(time.Minute))
	states := map[string]*longrunningpb.Operation{
		"running":              {Name: "operations/1", Metadata: metadata},
		"running, no progress": {Name: "operations/2"},
		"succeeded": {Name: "operations/3", Metadata: metadata, Done: true,
			Result: &longrunningpb.Operation_Response{Response: pack(t, wrapperspb.String("yes"))}},
		"empty response": {Name: "operations/4", Done: true,
			Result: &longrunningpb.Operation_Response{Response: pack(t, &wrapperspb.StringValue{})}},
		"failed": {Name: "operations/5", Metadata: metadata, Done: true,
			Result: &longrunningpb.Operation_Error{Error: &spb.Status{Code: 5, Message: "gone", Details: []*anypb.Any{metadata}}}},
	}
	for _, shape := range shapes {
		s, err := shapeOf(shape.desc, shape.fields)
		if err != nil {
			t.Fatalf("%s: %v", shape.name, err)
		}
		for name, state := range states {
			t.Run(shape.name+"/"+name, func(t *testing.T) {
				m := dynamicpb.NewMessage(shape.desc)
				if err := s.write(m, contents{Operation: state, created: created, updated: created.Add(time.Second)}); err != nil {
					t.Fatal(err)
				}
				got, err := s.read(overTheWire(t, m))
				if err != nil {
					t.Fatal(err)
				}
				want := proto.Clone(state).(*longrunningpb.Operation)
				if shape.without {
					want.Metadata = nil
				}
				if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
					t.Errorf("read what was not written (-want +got):\n%s", diff)
				}
			})
		}
	}
}

// overTheWire returns what a receiver of m gets.
func overTheWire(t *testing.T, m *dynamicpb.Message) protoreflect.Message {
	t.Helper()
	encoded, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	got := dynamicpb.NewMessage(m.Descriptor())
	if err := proto.Unmarshal(encoded, got); err != nil {
		t.Fatal(err)
	}
	return got
}

func TestTimesAreWrittenWhereAMessageHasThem(t *testing.T) {
	desc := LikeOf("Oneof")
	s, err := shapeOf(desc, Fields{})
	if err != nil {
		t.Fatal(err)
	}
	m := dynamicpb.NewMessage(desc)
	at := time.Date(2026, 5, 4, 3, 2, 1, 5000, time.UTC)
	if err := s.write(m, contents{Operation: &longrunningpb.Operation{Name: "1"}, created: at, updated: at.Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(prototext.MarshalOptions{}.Format(m), "  ", " ")
	for _, want := range []string{"created_at:{seconds:1777863721 nanos:5000}", "modified_at:{seconds:1777867321 nanos:5000}"} {
		if !strings.Contains(text, want) {
			t.Errorf("message is %s, without %s", text, want)
		}
	}
}

func TestAResponseOfAnotherTypeIsAnError(t *testing.T) {
	desc := LikeOf("Typed")
	s, err := shapeOf(desc, Fields{})
	if err != nil {
		t.Fatal(err)
	}
	op := &longrunningpb.Operation{Name: "1", Done: true, Result: &longrunningpb.Operation_Response{Response: pack(t, durationpb.New(1))}}
	if err := s.write(dynamicpb.NewMessage(desc), contents{Operation: op}); err == nil || !strings.Contains(err.Error(), "google.protobuf.Duration") {
		t.Errorf("writing a response of the wrong type: %v, want an error that names the type", err)
	}
}

func TestAFailureThatSaysOK(t *testing.T) {
	for name, want := range map[protoreflect.Name]*longrunningpb.Operation{
		// Beside the response, as a team's own message may have it, it says nothing.
		"Typed": {Name: "1", Done: true},
		// Instead of the response, it is a failure of an unknown kind.
		"Oneof": {Done: true, Result: &longrunningpb.Operation_Error{Error: &spb.Status{Code: 2, Message: "odd"}}},
	} {
		t.Run(string(name), func(t *testing.T) {
			desc := LikeOf(name)
			s, err := shapeOf(desc, Fields{})
			if err != nil {
				t.Fatal(err)
			}
			m := dynamicpb.NewMessage(desc)
			text := `name: "1" done: true status {message: "odd"}`
			if name == "Oneof" {
				text = `done: true error {message: "odd"}`
			}
			if err := prototext.Unmarshal([]byte(text), m); err != nil {
				t.Fatal(err)
			}
			got, err := s.read(m)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestMessagesThatAreNoOperationsAreRejected(t *testing.T) {
	tests := []struct {
		message protoreflect.Name
		fields  Fields
		want    string
	}{
		{"NoName", Fields{}, "name it in operation.Fields.Name"},
		{"NoDone", Fields{}, "name it in operation.Fields.Done"},
		{"NoError", Fields{}, "name it in operation.Fields.Error"},
		{"Oneof", Fields{Name: "nothing"}, "Fields.Name: nothing: test.likes.Oneof has no field nothing"},
		{"Oneof", Fields{Done: "id"}, "test.likes.Oneof.id has a type that does not fit"},
		{"Oneof", Fields{Name: "id.text"}, "test.likes.Oneof.id is no message"},
		{"OwnStatus", Fields{Name: "job.key", Error: "job.failure.details"}, "does not fit"},
	}
	for _, test := range tests {
		if _, err := shapeOf(LikeOf(test.message), test.fields); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("shape of %s with %+v: %v, want an error with %q", test.message, test.fields, err, test.want)
		}
	}
}
