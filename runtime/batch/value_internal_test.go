package batch

import (
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// field returns a field of a message.
func field(msg proto.Message, name protoreflect.Name) protoreflect.FieldDescriptor {
	return msg.ProtoReflect().Descriptor().Fields().ByName(name)
}

// scalars are a value of each type, and a field that holds it.
var scalars = []struct {
	value any
	field protoreflect.FieldDescriptor
}{
	{true, field(&wrapperspb.BoolValue{}, "value")},
	{int32(1), field(&wrapperspb.Int32Value{}, "value")},
	{int64(1), field(&wrapperspb.Int64Value{}, "value")},
	{uint32(1), field(&wrapperspb.UInt32Value{}, "value")},
	{uint64(1), field(&wrapperspb.UInt64Value{}, "value")},
	{float32(1), field(&wrapperspb.FloatValue{}, "value")},
	{float64(1), field(&wrapperspb.DoubleValue{}, "value")},
	{"1", field(&wrapperspb.StringValue{}, "value")},
	{[]byte("1"), field(&wrapperspb.BytesValue{}, "value")},
	{1, field(&descriptorpb.FieldDescriptorProto{}, "label")}, // held by none
}

// TestFieldsHoldTheirTypeOnly checks that nothing is written to a field that would panic at it.
func TestFieldsHoldTheirTypeOnly(t *testing.T) {
	for i, v := range scalars {
		for j, f := range scalars {
			if got, want := holds(f.field.Kind(), v.value), i == j && i < len(scalars)-1; got != want {
				t.Errorf("%v holds %T: %t, want %t", f.field.FullName(), v.value, got, want)
			}
		}
	}
}

// TestResultsOfAnotherTypeAreRejected checks this for what a mistake in a table would do.
func TestResultsOfAnotherTypeAreRejected(t *testing.T) {
	message := field(&descriptorpb.FieldDescriptorProto{}, "options")
	enum := field(&descriptorpb.FieldDescriptorProto{}, "label")
	_, errMessage := valuesOf[*descriptorpb.FileOptions](message)
	_, errEnum := valuesOf[descriptorpb.FieldDescriptorProto_Label](message)
	_, errScalar := valuesOf[string](enum)
	_, errOther := valuesOf[struct{}](enum)
	for _, err := range []error{errMessage, errEnum, errScalar, errOther} {
		if err == nil {
			t.Error("a value fits a field that cannot hold it")
		}
	}
}

// TestCodesAreReadAsWritten checks this for each type that a status may have its code in.
func TestCodesAreReadAsWritten(t *testing.T) {
	fields := []protoreflect.FieldDescriptor{scalars[1].field, scalars[2].field, scalars[3].field, field(&descriptorpb.FieldDescriptorProto{}, "label")}
	for _, f := range fields {
		if got := codeIn(codeValue(f, codes.NotFound)); got != codes.NotFound {
			t.Errorf("%v: %v", f.FullName(), got)
		}
	}
	for _, f := range []protoreflect.FieldDescriptor{scalars[0].field, field(&descriptorpb.FileDescriptorProto{}, "public_dependency")} {
		if codeValue(f, codes.NotFound).IsValid() {
			t.Errorf("%v holds codes", f.FullName())
		}
	}
}

// TestMergeKeepsTheFirstOfAOneof checks that what cannot grow is that of the first message,
// whichever field that has set.
func TestMergeKeepsTheFirstOfAOneof(t *testing.T) {
	whole := new(structpb.Value)
	for _, part := range []*structpb.Value{structpb.NewNumberValue(1), structpb.NewStringValue("2"), structpb.NewNumberValue(3)} {
		merge(messageOf(whole), messageOf(part), nil)
	}
	if whole.GetNumberValue() != 1 {
		t.Errorf("got %v, want that of the first", whole)
	}
}
