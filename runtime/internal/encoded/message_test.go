package encoded_test

import (
	"bytes"
	"testing"

	"google.golang.org/grpc/encoding"
	_ "google.golang.org/grpc/encoding/proto"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/grpcservice/grpcservice/runtime/internal/encoded"
)

// TestEncodedMessages compares what grpc's codec makes of a message that was encoded before with
// what it makes of the message.
func TestEncodedMessages(t *testing.T) {
	nested, err := structpb.NewStruct(map[string]any{"a": []any{1, "b", nil, map[string]any{}}})
	if err != nil {
		t.Fatal(err)
	}
	check(t, wrapperspb.String(""))
	check(t, wrapperspb.String("hello"))
	check(t, wrapperspb.Bytes(make([]byte, 100_000)))
	check(t, nested)
	check(t, &descriptorpb.UninterpretedOption_NamePart{NamePart: proto.String("a"), IsExtension: proto.Bool(false)})
}

func check[T any](t *testing.T, msg *T) {
	t.Helper()
	var s encoded.Shared[T]
	if err := s.Encode(msg); err != nil {
		t.Fatal(err)
	}
	s.SendTo(1)
	sent := s.Few()
	codec := encoding.GetCodecV2("proto")
	data, err := codec.Marshal(sent)
	if err != nil {
		t.Fatal(err)
	}
	defer data.Free()
	// The order of a map's entries differs between encodings, so the messages are compared.
	var got T
	if err := codec.Unmarshal(data, &got); err != nil || !proto.Equal(any(&got).(proto.Message), any(msg).(proto.Message)) {
		t.Errorf("got %v, %v; want %v", &got, err, msg)
	}
	if data.Len() != s.Size() || proto.Size(sent) != s.Size() {
		t.Errorf("%d bytes, size %d, want %d", data.Len(), proto.Size(sent), s.Size())
	}
	again, err := proto.MarshalOptions{Deterministic: true}.Marshal(sent)
	if err != nil || len(again) != s.Size() || !bytes.Equal(again, data.Materialize()) && s.Size() < 100 {
		t.Errorf("encoded again: %d bytes, %v", len(again), err)
	}
}

func TestMessagesThatCannotBeEncoded(t *testing.T) {
	var text encoded.Shared[wrapperspb.StringValue]
	if err := text.Encode(wrapperspb.String("\xff")); err == nil || err.Error() != "the field google.protobuf.StringValue.value has invalid UTF-8" {
		t.Errorf("invalid text: %v", err)
	}
	var part encoded.Shared[descriptorpb.UninterpretedOption_NamePart]
	if err := part.Encode(new(descriptorpb.UninterpretedOption_NamePart)); err == nil {
		t.Error("a message without required fields is encoded")
	}
}
