package servicetest

import (
	"math"
	"testing"

	"google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/known/apipb"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/structpb"
)

// everything is a message with a field of each type and cardinality.
var everything = mustFile(`
	name: "test/v1/everything.proto" package: "test.v1" syntax: "proto2"
	message_type {
		name: "Everything"
		field { name: "a" number: 1 label: LABEL_OPTIONAL type: TYPE_DOUBLE }
		field { name: "b" number: 2 label: LABEL_OPTIONAL type: TYPE_FLOAT }
		field { name: "c" number: 3 label: LABEL_OPTIONAL type: TYPE_INT64 }
		field { name: "d" number: 4 label: LABEL_OPTIONAL type: TYPE_UINT64 }
		field { name: "e" number: 5 label: LABEL_OPTIONAL type: TYPE_INT32 }
		field { name: "f" number: 6 label: LABEL_OPTIONAL type: TYPE_FIXED64 }
		field { name: "g" number: 7 label: LABEL_OPTIONAL type: TYPE_FIXED32 }
		field { name: "h" number: 8 label: LABEL_OPTIONAL type: TYPE_BOOL }
		field { name: "i" number: 9 label: LABEL_OPTIONAL type: TYPE_STRING }
		field { name: "j" number: 10 label: LABEL_OPTIONAL type: TYPE_GROUP type_name: ".test.v1.Everything.J" }
		field { name: "k" number: 11 label: LABEL_REQUIRED type: TYPE_MESSAGE type_name: ".test.v1.Everything" }
		field { name: "l" number: 12 label: LABEL_OPTIONAL type: TYPE_BYTES }
		field { name: "m" number: 13 label: LABEL_OPTIONAL type: TYPE_UINT32 }
		field { name: "n" number: 14 label: LABEL_OPTIONAL type: TYPE_ENUM type_name: ".test.v1.Colour" }
		field { name: "o" number: 15 label: LABEL_OPTIONAL type: TYPE_SFIXED32 }
		field { name: "p" number: 16 label: LABEL_OPTIONAL type: TYPE_SFIXED64 }
		field { name: "q" number: 17 label: LABEL_OPTIONAL type: TYPE_SINT32 }
		field { name: "r" number: 18 label: LABEL_OPTIONAL type: TYPE_SINT64 }
		field { name: "s" number: 19 label: LABEL_REPEATED type: TYPE_INT32 }
		field { name: "t" number: 20 label: LABEL_REPEATED type: TYPE_MESSAGE type_name: ".test.v1.Everything" }
		field { name: "u" number: 21 label: LABEL_REPEATED type: TYPE_MESSAGE type_name: ".test.v1.Everything.UEntry" }
		field { name: "v" number: 22 label: LABEL_REPEATED type: TYPE_MESSAGE type_name: ".test.v1.Everything.VEntry" }
		field { name: "w" number: 23 label: LABEL_OPTIONAL type: TYPE_INT32 oneof_index: 0 }
		field { name: "x" number: 24 label: LABEL_OPTIONAL type: TYPE_STRING oneof_index: 0 }
		field { name: "y" number: 25 label: LABEL_OPTIONAL type: TYPE_MESSAGE type_name: ".test.v1.Everything" oneof_index: 0 }
		field { name: "z" number: 26 label: LABEL_OPTIONAL type: TYPE_BOOL oneof_index: 0 }
		oneof_decl { name: "one" }
		nested_type { name: "J" field { name: "a" number: 1 label: LABEL_OPTIONAL type: TYPE_INT32 } }
		nested_type { name: "UEntry" options { map_entry: true }
			field { name: "key" number: 1 label: LABEL_OPTIONAL type: TYPE_STRING }
			field { name: "value" number: 2 label: LABEL_OPTIONAL type: TYPE_MESSAGE type_name: ".test.v1.Everything" } }
		nested_type { name: "VEntry" options { map_entry: true }
			field { name: "key" number: 1 label: LABEL_OPTIONAL type: TYPE_BOOL }
			field { name: "value" number: 2 label: LABEL_OPTIONAL type: TYPE_BYTES } }
	}
	enum_type { name: "Colour" value { name: "RED" number: 3 } value { name: "BLUE" number: 7 } }
`).Messages().ByName("Everything")

// decoded returns the filled requests as messages.
func decoded(t *testing.T, message protoreflect.MessageDescriptor) (msgs []protoreflect.Message) {
	t.Helper()
	for _, req := range filledRequests(message) {
		msg := dynamicpb.NewMessage(message)
		if err := (proto.UnmarshalOptions{AllowPartial: true}).Unmarshal(req.bytes, msg); err != nil {
			t.Errorf("%s: %v", req.text, err)
		}
		if len(req.bytes) > 4*fillBudget || len(req.text) > 4096 {
			t.Errorf("%s: %d bytes, %d bytes of text", message.FullName(), len(req.bytes), len(req.text))
		}
		msgs = append(msgs, msg)
	}
	return msgs
}

// TestFilledRequestsHoldEverything checks that each field, and each arm of the oneof, is set at
// least once.
func TestFilledRequestsHoldEverything(t *testing.T) {
	msgs := decoded(t, everything)
	if len(msgs) != 4 {
		t.Fatalf("%d messages; want one for each arm of the oneof", len(msgs))
	}
	fields, arms := everything.Fields(), make(map[protoreflect.Name]bool)
	for _, msg := range msgs {
		for i := range fields.Len() {
			fd := fields.Get(i)
			closedEnum := fd.Name() == "n" // an unknown number is an unknown field
			if fd.ContainingOneof() == nil && !closedEnum && !msg.Has(fd) {
				t.Errorf("%s is not set", fd.Name())
			}
		}
		arms[msg.WhichOneof(everything.Oneofs().ByName("one")).Name()] = true
	}
	if len(arms) != 4 {
		t.Errorf("arms: %v", arms)
	}
}

// TestFilledRequestsAreExtreme checks for values that a careless method mishandles.
func TestFilledRequestsAreExtreme(t *testing.T) {
	msgs := decoded(t, everything)
	field := func(i int, name protoreflect.Name) protoreflect.Value {
		return msgs[i].Get(everything.Fields().ByName(name))
	}
	if got := field(0, "c").Int(); got != math.MinInt64 {
		t.Errorf("smallest int64: %d", got)
	}
	if got := field(1, "m").Uint(); got != math.MaxUint32 {
		t.Errorf("largest uint32: %d", got)
	}
	if got := field(1, "i").String(); got != longText {
		t.Errorf("long string: %d bytes", len(got))
	}
	if got := field(2, "a").Float(); !math.IsNaN(got) {
		t.Errorf("odd double: %v", got)
	}
	if got := field(2, "n").Enum(); got != 7 {
		t.Errorf("declared enum: %v", got)
	}
	if got := field(1, "s").List().Len(); got != len(styles) {
		t.Errorf("%d elements", got)
	}
	depth := 0
	for msg := msgs[1]; msg.Has(everything.Fields().ByName("k")); depth++ {
		msg = msg.Get(everything.Fields().ByName("k")).Message()
	}
	if depth < 3 || depth > fillDepth+1 {
		t.Errorf("%d messages deep", depth)
	}
}

// TestFilledRequestsOfOthersMessages fills large, recursive and empty messages.
func TestFilledRequestsOfOthersMessages(t *testing.T) {
	for _, msg := range []proto.Message{
		new(descriptorpb.FileDescriptorSet), new(structpb.Value), new(apipb.Api), new(emptypb.Empty), new(grpc_testing.SimpleRequest),
	} {
		if got := decoded(t, msg.ProtoReflect().Descriptor()); len(got) < len(styles) {
			t.Errorf("%T: %d messages", msg, len(got))
		}
	}
}

// TestUnknownEnumNumbers checks that an open enum gets undeclared numbers.
func TestUnknownEnumNumbers(t *testing.T) {
	fd := new(grpc_testing.SimpleRequest).ProtoReflect().Descriptor().Fields().ByName("response_type")
	msgs := decoded(t, fd.ContainingMessage())
	if low, high := msgs[0].Get(fd).Enum(), msgs[1].Get(fd).Enum(); low != math.MinInt32 || high != math.MaxInt32 {
		t.Errorf("got %d, %d", low, high)
	}
}

// TestBadRequestsDecodeAsNothing checks that no message decodes them.
func TestBadRequestsDecodeAsNothing(t *testing.T) {
	for _, req := range badRequests {
		for _, msg := range []proto.Message{new(emptypb.Empty), new(descriptorpb.FileDescriptorProto), new(structpb.Value)} {
			if err := proto.Unmarshal(req.bytes, msg); err == nil {
				t.Errorf("%s: a %T", req.text, msg)
			}
		}
	}
}
