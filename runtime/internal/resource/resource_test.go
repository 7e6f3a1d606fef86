package resource_test

import (
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/grpcservice/grpcservice/runtime/internal/resource"
	"github.com/grpcservice/grpcservice/runtime/policy"
)

func find(t *testing.T, m proto.Message, path string) resource.Path {
	t.Helper()
	p, err := resource.Find(m.ProtoReflect().Descriptor(), policy.Permission{Name: "a.b", Resource: path})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestNamesOfRequests(t *testing.T) {
	label := descriptorpb.FieldDescriptorProto_LABEL_REPEATED
	unknown := descriptorpb.FieldDescriptorProto_Type(99)
	message := func(names ...string) *descriptorpb.DescriptorProto {
		m := &descriptorpb.DescriptorProto{}
		for _, name := range names {
			m.Field = append(m.Field, &descriptorpb.FieldDescriptorProto{Name: proto.String(name)})
		}
		return m
	}
	long := strings.Repeat("x", resource.MaxBytes)
	for name, test := range map[string]struct {
		request proto.Message
		path    string
		names   []string
		fault   *resource.Fault
	}{
		"a string":           {&descriptorpb.FileDescriptorProto{Name: proto.String("a")}, "name", []string{"a"}, nil},
		"an unset string":    {&descriptorpb.FileDescriptorProto{}, "name", nil, &resource.Fault{Field: "name"}},
		"an empty string":    {&descriptorpb.FileDescriptorProto{Name: proto.String("")}, "name", nil, &resource.Fault{Field: "name"}},
		"the longest string": {&descriptorpb.FileDescriptorProto{Name: &long}, "name", []string{long}, nil},
		"a longer string":    {&descriptorpb.FileDescriptorProto{Name: proto.String(long + "x")}, "name", nil, &resource.Fault{Field: "name", Kind: resource.TooLong}},
		"a number":           {&descriptorpb.FieldDescriptorProto{Number: proto.Int32(-7)}, "number", []string{"-7"}, nil},
		"zero":               {&descriptorpb.FieldDescriptorProto{Number: proto.Int32(0)}, "number", nil, &resource.Fault{Field: "number"}},
		"an unsigned number": {&descriptorpb.UninterpretedOption{PositiveIntValue: proto.Uint64(1 << 63)}, "positive_int_value", []string{"9223372036854775808"}, nil},
		"bytes":              {&descriptorpb.UninterpretedOption{StringValue: []byte("a")}, "string_value", []string{"a"}, nil},
		"an enum":            {&descriptorpb.FieldDescriptorProto{Label: &label}, "label", []string{"LABEL_REPEATED"}, nil},
		"an unknown value":   {&descriptorpb.FieldDescriptorProto{Type: &unknown}, "type", []string{"99"}, nil},
		"nested":             {&descriptorpb.FileDescriptorProto{Options: &descriptorpb.FileOptions{GoPackage: proto.String("a")}}, "options.go_package", []string{"a"}, nil},
		"nothing nested":     {&descriptorpb.FileDescriptorProto{}, "options.go_package", nil, &resource.Fault{Field: "options.go_package"}},
		"a list":             {&descriptorpb.FileDescriptorProto{Dependency: []string{"a", "b", "a"}}, "dependency", []string{"a", "b", "a"}, nil},
		"an empty list":      {&descriptorpb.FileDescriptorProto{}, "dependency", nil, nil},
		"an empty element":   {&descriptorpb.FileDescriptorProto{Dependency: []string{"a", ""}}, "dependency", nil, &resource.Fault{Field: "dependency[1]"}},
		"a zero in a list":   {&descriptorpb.FileDescriptorProto{PublicDependency: []int32{1, 0}}, "public_dependency", nil, &resource.Fault{Field: "public_dependency[1]"}},
		"too many":           {&descriptorpb.FileDescriptorProto{Dependency: []string{"a", "b", "c", "d", "e"}}, "dependency", nil, &resource.Fault{Field: "dependency", Kind: resource.TooMany}},
		"in messages":        {&descriptorpb.FileDescriptorProto{MessageType: []*descriptorpb.DescriptorProto{{Name: proto.String("a")}, {Name: proto.String("b")}}}, "message_type.name", []string{"a", "b"}, nil},
		"empty in a message": {&descriptorpb.FileDescriptorProto{MessageType: []*descriptorpb.DescriptorProto{{Name: proto.String("a")}, {}}}, "message_type.name", nil, &resource.Fault{Field: "message_type[1].name"}},
		"lists in a list":    {&descriptorpb.FileDescriptorProto{MessageType: []*descriptorpb.DescriptorProto{message("a"), message("b", "c")}}, "message_type.field.name", []string{"a", "b", "c"}, nil},
		"an element of a list that names nothing": {&descriptorpb.FileDescriptorProto{MessageType: []*descriptorpb.DescriptorProto{message("a"), message()}},
			"message_type.field.name", nil, &resource.Fault{Field: "message_type[1].field.name"}},
	} {
		t.Run(name, func(t *testing.T) {
			p, m := find(t, test.request, test.path), test.request.ProtoReflect()
			names, fault := p.All(m, 4)
			switch {
			case (fault == nil) != (test.fault == nil), fault != nil && *fault != *test.fault:
				t.Errorf("the fault is %+v, want %+v", fault, test.fault)
			case fault == nil && !slices.Equal(names, test.names):
				t.Errorf("%q, want %q", names, test.names)
			}
			if !p.Many() && fault == nil && p.One(m) != names[0] {
				t.Errorf("One returns %q", p.One(m))
			}
			if len(test.names) > 1 && !p.Names(m) || test.names == nil && test.fault == nil && p.Names(m) {
				t.Errorf("Names returns %v", p.Names(m))
			}
		})
	}
}

func TestAt(t *testing.T) {
	request := &descriptorpb.FileDescriptorProto{MessageType: []*descriptorpb.DescriptorProto{
		{Field: []*descriptorpb.FieldDescriptorProto{{Name: proto.String("a")}}},
		{Field: []*descriptorpb.FieldDescriptorProto{{Name: proto.String("b")}, {Name: proto.String("c")}}},
	}}
	p := find(t, request, "message_type.field.name")
	for n, want := range []string{"message_type[0].field[0].name", "message_type[1].field[0].name", "message_type[1].field[1].name", "message_type.field.name"} {
		if got := p.At(request.ProtoReflect(), n); got != want {
			t.Errorf("name %d is at %s, want %s", n, got, want)
		}
	}
}

func TestFits(t *testing.T) {
	p := find(t, &descriptorpb.FileDescriptorProto{}, "name")
	same := dynamicpb.NewMessage((&descriptorpb.FileDescriptorProto{}).ProtoReflect().Descriptor())
	same.Set(same.Descriptor().Fields().ByName("name"), protoreflect.ValueOfString("a"))
	if !p.Fits(same) || p.One(same) != "a" {
		t.Error("it does not fit a dynamic message of the same type")
	}
	if p.Fits((&descriptorpb.DescriptorProto{}).ProtoReflect()) {
		t.Error("it fits another type")
	}
}
