package encoded_test

import (
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/grpcservice/grpcservice/runtime/internal/encoded"
)

const broken = "\xff"

// TestCheckAgreesWithTheEncoder checks messages of many shapes: those that cannot be encoded, and
// no others, are found.
func TestCheckAgreesWithTheEncoder(t *testing.T) {
	nested := structpb.NewListValue(&structpb.ListValue{Values: []*structpb.Value{structpb.NewStringValue("é"), nil, structpb.NewStringValue(broken)}})
	for name, msg := range map[string]proto.Message{
		"text":                   wrapperspb.String("é"),
		"broken text":            wrapperspb.String("a" + broken),
		"no text":                new(wrapperspb.StringValue),
		"nil":                    (*wrapperspb.StringValue)(nil),
		"bytes":                  wrapperspb.Bytes([]byte(broken)),
		"without texts":          timestamppb.Now(),
		"a map":                  &errdetails.ErrorInfo{Metadata: map[string]string{"a": "b"}},
		"a broken key":           &errdetails.ErrorInfo{Metadata: map[string]string{broken: "b"}},
		"a broken value":         &errdetails.ErrorInfo{Metadata: map[string]string{"a": broken}},
		"a list of messages":     &errdetails.QuotaFailure{Violations: []*errdetails.QuotaFailure_Violation{{}, {Subject: broken}}},
		"a list of texts":        &errdetails.DebugInfo{StackEntries: []string{"a", broken}},
		"deep in a recursive":    &structpb.Struct{Fields: map[string]*structpb.Value{"a": structpb.NewNullValue(), "b": nested}},
		"recursive":              &structpb.Struct{Fields: map[string]*structpb.Value{"a": structpb.NewStringValue("é")}},
		"an Any":                 &anypb.Any{TypeUrl: "a", Value: []byte(broken)},
		"a broken Any":           &anypb.Any{TypeUrl: broken},
		"proto2":                 &descriptorpb.FileDescriptorProto{Name: proto.String(broken)},
		"without required":       &descriptorpb.UninterpretedOption{Name: []*descriptorpb.UninterpretedOption_NamePart{{}}},
		"with required":          &descriptorpb.UninterpretedOption_NamePart{NamePart: proto.String("a"), IsExtension: proto.Bool(true)},
		"unset parts of a oneof": structpb.NewBoolValue(true),
	} {
		_, want := proto.Marshal(msg)
		got := encoded.NewChecker(msg.ProtoReflect().Descriptor()).Check(msg)
		if (got == nil) != (want == nil) {
			t.Errorf("%s: %v, the encoder returns %v", name, got, want)
		}
	}
}

// TestCheckSkipsWhatIsNoText holds that large data costs nothing.
func TestCheckSkipsWhatIsNoText(t *testing.T) {
	msg := wrapperspb.Bytes(make([]byte, 1<<20))
	c := encoded.NewChecker(msg.ProtoReflect().Descriptor())
	if allocs := testing.AllocsPerRun(100, func() { _ = c.Check(msg) }); allocs > 0 {
		t.Errorf("%v allocations", allocs)
	}
}

func BenchmarkCheck(b *testing.B) {
	msg := &errdetails.ErrorInfo{Reason: "a", Domain: "example.com"}
	c := encoded.NewChecker(msg.ProtoReflect().Descriptor())
	for b.Loop() {
		_ = c.Check(msg)
	}
}
