package main

import (
	"os/exec"
	"slices"
	"testing"

	"github.com/bufbuild/protocompile"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/descriptorpb"
)

// TestWrittenFilesAreTheDescriptors checks that the written files compile to the descriptors they
// were printed from, including go_package.
func TestWrittenFilesAreTheDescriptors(t *testing.T) {
	dir := t.TempDir()
	if err := write(dir); err != nil {
		t.Fatal(err)
	}
	files, err := withImports(wanted())
	if err != nil {
		t.Fatal(err)
	}
	compiler := protocompile.Compiler{Resolver: protocompile.WithStandardImports(&protocompile.SourceResolver{ImportPaths: []string{dir}})}
	for _, file := range files {
		compiled, err := compiler.Compile(t.Context(), file.Path())
		if err != nil {
			t.Errorf("%s: %v", file.Path(), err)
			continue
		}
		if diff := cmp.Diff(canonical(t, file), canonical(t, compiled[0]), protocmp.Transform()); diff != "" {
			t.Errorf("%s (-linked +written):\n%s", file.Path(), diff)
		}
	}
}

// TestBufBuildsWrittenFiles requires buf on the PATH, where the Makefile puts it.
func TestBufBuildsWrittenFiles(t *testing.T) {
	buf, err := exec.LookPath("buf")
	if err != nil {
		t.Skip("buf is not on PATH: make test has it there")
	}
	dir := t.TempDir()
	if err := write(dir); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(buf, "build", dir).CombinedOutput(); err != nil {
		t.Errorf("buf build: %v\n%s", err, out)
	}
}

// canonical returns a descriptor with sorted imports and without the empty options of methods.
func canonical(t *testing.T, file protoreflect.FileDescriptor) *descriptorpb.FileDescriptorProto {
	t.Helper()
	data, err := proto.Marshal(protodesc.ToFileDescriptorProto(file))
	if err != nil {
		t.Fatal(err)
	}
	said := &descriptorpb.FileDescriptorProto{}
	if err := proto.Unmarshal(data, said); err != nil {
		t.Fatal(err)
	}
	slices.Sort(said.Dependency)
	for _, service := range said.Service {
		for _, method := range service.Method {
			if proto.Size(method.Options) == 0 {
				method.Options = nil
			}
		}
	}
	return said
}
