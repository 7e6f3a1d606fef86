package scaffold

import (
	"context"
	"flag"
	"os"
	"testing"

	"github.com/bufbuild/protocompile"
	"github.com/bufbuild/protocompile/protoutil"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/descriptorpb"

	grpcserviceproto "github.com/grpcservice/grpcservice/proto"
)

var update = flag.Bool("update", false, "write the files that tests compare with")

// TestDescriptor checks that files/service.txtpb is files/service.proto.tmpl.
func TestDescriptor(t *testing.T) {
	want := compile(t, placeholders)
	if *update {
		text, err := prototext.MarshalOptions{Multiline: true, Indent: "  "}.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile("files/service.txtpb", text, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got := &descriptorpb.FileDescriptorProto{}
	if err := prototext.Unmarshal(serviceDescriptor, got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
		t.Errorf("files/service.txtpb is not that of files/service.proto.tmpl; run go test ./internal/scaffold -run TestDescriptor -update (-want +got):\n%s", diff)
	}
}

// TestRenamedDescriptor checks that a renamed descriptor is what a compiler makes of the renamed
// proto, except for the positions.
func TestRenamedDescriptor(t *testing.T) {
	for _, service := range []string{
		"library.v1.BookService", "acme.shop_front.v1beta2.HTTPRouteService", "a.v1.StringService", "zzz.v1.CategoryService",
		"item.v1.ItemService", "v1.v1.V1Service", "type_of.v1.BoxService", "grpcservice.v1.OptionService",
	} {
		t.Run(service, func(t *testing.T) {
			n, err := namesOf("example.com/some/where", service)
			if err != nil {
				t.Fatal(err)
			}
			request, err := n.request("")
			if err != nil {
				t.Fatal(err)
			}
			files := request.GetProtoFile()
			got, want := files[len(files)-1], compile(t, n)
			for _, file := range []*descriptorpb.FileDescriptorProto{got, want} {
				for _, location := range file.GetSourceCodeInfo().GetLocation() {
					location.Span = nil
				}
			}
			if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
				t.Errorf("the descriptor differs from the proto (-want +got):\n%s", diff)
			}
		})
	}
}

// compile compiles the proto with names.
func compile(t *testing.T, n names) *descriptorpb.FileDescriptorProto {
	t.Helper()
	text, err := render("service.proto", repository{names: n})
	if err != nil {
		t.Fatal(err)
	}
	compiler := protocompile.Compiler{
		Resolver: protocompile.WithStandardImports(&protocompile.SourceResolver{Accessor: protocompile.SourceAccessorFromMap(map[string]string{
			n.Proto: string(text), grpcserviceproto.OptionsPath: grpcserviceproto.Options,
		})}),
		SourceInfoMode: protocompile.SourceInfoStandard,
	}
	files, err := compiler.Compile(context.Background(), n.Proto)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	// Through bytes, so that the options are known extensions instead of the compiler's own types.
	encoded, err := proto.Marshal(protoutil.ProtoFromFileDescriptor(files[0]))
	if err != nil {
		t.Fatal(err)
	}
	file := &descriptorpb.FileDescriptorProto{}
	if err := proto.Unmarshal(encoded, file); err != nil {
		t.Fatal(err)
	}
	return file
}
