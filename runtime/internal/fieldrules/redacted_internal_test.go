package fieldrules

import (
	"context"
	"slices"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
)

// TestKeysOfRedactedMapsAreNotShown checks the paths of violations in maps with debug_redact, and
// in maps of messages in fields with it.
func TestKeysOfRedactedMapsAreNotShown(t *testing.T) {
	const str, msg = descriptorpb.FieldDescriptorProto_TYPE_STRING, descriptorpb.FieldDescriptorProto_TYPE_MESSAGE
	entry := &descriptorpb.DescriptorProto{Name: proto.String("KeysEntry"), Options: &descriptorpb.MessageOptions{MapEntry: proto.Bool(true)},
		Field: []*descriptorpb.FieldDescriptorProto{field("key", 1, str, "", nil), field("value", 2, msg, "Key", nil)}}
	redacted := repeated(field("keys", 1, msg, "Vault.KeysEntry", nil))
	redacted.Options = &descriptorpb.FieldOptions{DebugRedact: proto.Bool(true)}
	within := field("vault", 2, msg, "Open", nil)
	within.Options = &descriptorpb.FieldOptions{DebugRedact: proto.Bool(true)}
	open := proto.CloneOf(entry)
	file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name: proto.String("r.proto"), Package: proto.String("t"), Syntax: proto.String("proto3"),
		MessageType: []*descriptorpb.DescriptorProto{
			{Name: proto.String("Key"), Field: []*descriptorpb.FieldDescriptorProto{field("name", 1, str, "", behaviours(2))}},
			{Name: proto.String("Open"), NestedType: []*descriptorpb.DescriptorProto{open},
				Field: []*descriptorpb.FieldDescriptorProto{repeated(field("keys", 1, msg, "Open.KeysEntry", nil))}},
			{Name: proto.String("Vault"), NestedType: []*descriptorpb.DescriptorProto{entry}, Field: []*descriptorpb.FieldDescriptorProto{
				redacted, within, field("open", 3, msg, "Open", nil)}},
		},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	desc := file.Messages().ByName("Vault")
	req := dynamicpb.NewMessage(desc)
	const text = `{"keys": {"hunter2": {}}, "vault": {"keys": {"hunter2": {}}}, "open": {"keys": {"a": {}}}}`
	if err := protojson.Unmarshal([]byte(text), req); err != nil {
		t.Fatal(err)
	}
	want := []string{"keys[*].name", "vault.keys[*].name", `open.keys["a"].name`}
	if got := violatedFields(t, firstCheck(desc)(context.Background(), req)); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
