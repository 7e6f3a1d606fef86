package plugin_test

import (
	"fmt"
	"io/fs"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/bufbuild/protocompile"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/grpcservice/grpcservice/internal/model"
	"github.com/grpcservice/grpcservice/internal/pattern/table"
)

// findGoogle resolves the protos that a program with long-running operations links: Google's, and
// their imports. They come from dependencies of runtime/operation, which this module does not have.
func findGoogle(path string) (protocompile.SearchResult, error) {
	files, err := googleProtos()
	if err != nil {
		return protocompile.SearchResult{}, err
	}
	for _, file := range files {
		if file.GetName() == path {
			return protocompile.SearchResult{Proto: file}, nil
		}
	}
	return protocompile.SearchResult{}, fs.ErrNotExist
}

var googleProtos = sync.OnceValues(func() ([]*descriptorpb.FileDescriptorProto, error) {
	cmd := exec.Command("go", "run", "./internal/protoset")
	cmd.Dir = "../../runtime/operation"
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go run ./internal/protoset in %s: %w", cmd.Dir, err)
	}
	set := &descriptorpb.FileDescriptorSet{}
	return set.File, proto.Unmarshal(out, set)
})

// TestLinkedPackages checks that the plugin knows the Go packages of exactly the protos that
// generated code links.
func TestLinkedPackages(t *testing.T) {
	files, err := googleProtos()
	if err != nil {
		t.Fatal(err)
	}
	linked := make(map[string]string)
	for _, file := range files {
		linked[file.GetName()], _, _ = strings.Cut(file.GetOptions().GetGoPackage(), ";")
	}
	if diff := cmp.Diff(linked, model.LinkedPackages(table.Patterns())); diff != "" {
		t.Errorf("the plugin does not know what is linked (-linked +known):\n%s", diff)
	}
}

// TestFilesThatAreNotLinkedMayBeAnywhere checks that a custom Go package for google/api is an error
// only with operations, which link the original one.
func TestFilesThatAreNotLinkedMayBeAnywhere(t *testing.T) {
	request := readCase(t, "linked_moved_operations").request(t)
	for _, file := range request.ProtoFile {
		if file.GetName() == "jobs.proto" {
			file.Dependency = []string{"google/api/field_behavior.proto"}
			file.Service[0].Method[0].OutputType = proto.String(".jobs.v1.Response")
			file.Service[0].Method[0].Options = nil
		}
	}
	if got := run(t, request); got.err != "" {
		t.Errorf("the error is %s", got.err)
	}
}
