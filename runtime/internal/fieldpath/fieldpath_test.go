package fieldpath_test

import (
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/grpcservice/grpcservice/runtime/internal/fieldpath"
)

func TestFind(t *testing.T) {
	file := (&descriptorpb.FileDescriptorProto{}).ProtoReflect().Descriptor()
	for _, test := range []struct{ path, want, err string }{
		{"name", "google.protobuf.FileDescriptorProto.name", ""},
		{"options.go_package", "google.protobuf.FileOptions.go_package", ""},
		{"message_type", "google.protobuf.FileDescriptorProto.message_type", ""},
		{"", "", `: google.protobuf.FileDescriptorProto has no field `},
		{"nome", "", `nome: google.protobuf.FileDescriptorProto has no field nome`},
		{"options.", "", `options.: google.protobuf.FileOptions has no field `},
		{"name.first", "", `name.first: google.protobuf.FileDescriptorProto.name is not a message`},
		{"message_type.name", "", `message_type.name: google.protobuf.FileDescriptorProto.message_type is not a message`},
	} {
		path, err := fieldpath.Find(file, test.path)
		if err != nil || test.err != "" {
			if err == nil || err.Error() != test.err {
				t.Errorf("Find(%q): %v, want %s", test.path, err, test.err)
			}
			continue
		}
		if got := path[len(path)-1].FullName(); got != protoreflect.FullName(test.want) {
			t.Errorf("Find(%q) leads to %s, want %s", test.path, got, test.want)
		}
	}
}

func TestHolderMakesWhatIsMissing(t *testing.T) {
	file := &descriptorpb.FileDescriptorProto{}
	path, err := fieldpath.Find(file.ProtoReflect().Descriptor(), "options.go_package")
	if err != nil {
		t.Fatal(err)
	}
	fieldpath.Holder(path, file.ProtoReflect()).Set(path[len(path)-1], protoreflect.ValueOfString("example.com/library"))
	if got := file.GetOptions().GetGoPackage(); got != "example.com/library" {
		t.Errorf("go_package = %q", got)
	}
}
