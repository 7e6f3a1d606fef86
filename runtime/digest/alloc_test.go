//go:build !race

// The race detector adds allocations.

package digest_test

import (
	"context"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/grpcservice/grpcservice/runtime/digest"
)

// tenFields is a request of ten fields.
func tenFields() proto.Message {
	return &descriptorpb.FileOptions{
		JavaPackage: proto.String("com.example.shop"), JavaOuterClassname: proto.String("UsersProto"), JavaMultipleFiles: proto.Bool(true),
		GoPackage: proto.String("example.com/shop/v1;shopv1"), CcEnableArenas: proto.Bool(true), ObjcClassPrefix: proto.String("SHP"),
		CsharpNamespace: proto.String("Shop"), SwiftPrefix: proto.String("shop"), PhpNamespace: proto.String("Shop\\V1"), RubyPackage: proto.String("Shop"),
	}
}

// withoutOne leaves out a field of [tenFields].
func withoutOne() *digest.Digester {
	return digest.Without([]protoreflect.FieldDescriptor{tenFields().ProtoReflect().Descriptor().Fields().ByNumber(1)})
}

// TestAllocations checks that a digest costs the message on the wire and nothing else.
func TestAllocations(t *testing.T) {
	req, d, ctx := tenFields(), withoutOne(), context.Background()
	if got := testing.AllocsPerRun(200, func() { _, _ = d.Of(ctx, req) }); got > 1 {
		t.Errorf("ten fields: %v allocations, want 1", got)
	}
	nested := structpb.NewListValue(&structpb.ListValue{Values: []*structpb.Value{structpb.NewStringValue("a"), structpb.NewBoolValue(true)}})
	if got := testing.AllocsPerRun(200, func() { _, _ = digest.Of(ctx, nested) }); got > 1 {
		t.Errorf("nested messages: %v allocations, want 1", got)
	}
}

func BenchmarkOf(b *testing.B) {
	req, d, ctx := tenFields(), withoutOne(), context.Background()
	b.ReportAllocs()
	for b.Loop() {
		_, _ = d.Of(ctx, req)
	}
}
