package conformance_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bufbuild/protocompile"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/cmd/protoc-gen-go/internal_gengo"
	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"

	"github.com/grpcservice/grpcservice/internal/plugin"
	"github.com/grpcservice/grpcservice/internal/workspace"
)

var update = flag.Bool("update", false, "rewrite what is generated")

const (
	module    = "github.com/grpcservice/grpcservice/internal/conformance"
	goPackage = module + "/gen/conformancev1;conformancev1"
)

// files are the protos of the suite that a program under test needs.
var files = []string{
	"connectrpc/conformance/v1/config.proto",
	"connectrpc/conformance/v1/service.proto",
	"connectrpc/conformance/v1/server_compat.proto",
	"connectrpc/conformance/v1/client_compat.proto",
}

// request compiles the protos in the suite's module, and returns the request of buf for them. The
// suite's own Go package of them is internal.
func request(t *testing.T, parameter string) *pluginpb.CodeGeneratorRequest {
	t.Helper()
	compiler := protocompile.Compiler{
		Resolver: protocompile.WithStandardImports(&protocompile.SourceResolver{
			ImportPaths: []string{filepath.Join(suiteDir(t), "proto")},
		}),
		SourceInfoMode: protocompile.SourceInfoStandard,
	}
	compiled, err := compiler.Compile(t.Context(), files...)
	if err != nil {
		t.Fatal(err)
	}
	r := &pluginpb.CodeGeneratorRequest{FileToGenerate: files, Parameter: proto.String(parameter)}
	seen := make(map[string]bool)
	var add func(protoreflect.FileDescriptor)
	add = func(f protoreflect.FileDescriptor) {
		if seen[f.Path()] {
			return
		}
		seen[f.Path()] = true
		for i := range f.Imports().Len() {
			add(f.Imports().Get(i).FileDescriptor)
		}
		file := protodesc.ToFileDescriptorProto(f)
		if strings.HasPrefix(f.Path(), "connectrpc/") {
			file.Options = &descriptorpb.FileOptions{GoPackage: proto.String(goPackage)}
		}
		r.ProtoFile = append(r.ProtoFile, file)
	}
	for _, file := range compiled {
		add(file)
	}
	return r
}

// suiteDir returns the directory of the suite's module in the module cache. It downloads the module
// if no test did so before: go list reports no directory then.
func suiteDir(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "mod", "download", "-json", "connectrpc.com/conformance").Output()
	if err != nil {
		t.Fatalf("go mod download: %v: %s", err, out)
	}
	var suite struct{ Dir string }
	if err := json.Unmarshal(out, &suite); err != nil {
		t.Fatal(err)
	}
	return suite.Dir
}

// messages runs protoc-gen-go.
func messages(t *testing.T, r *pluginpb.CodeGeneratorRequest) *pluginpb.CodeGeneratorResponse {
	t.Helper()
	gen, err := protogen.Options{}.New(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range gen.Files {
		if f.Generate {
			internal_gengo.GenerateFile(gen, f)
		}
	}
	return gen.Response()
}

// service runs protoc-gen-grpcservice.
func service(t *testing.T, r *pluginpb.CodeGeneratorRequest) *pluginpb.CodeGeneratorResponse {
	t.Helper()
	in, err := proto.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	tree, dir := workspace.Disk()
	env := plugin.Env{Stdin: bytes.NewReader(in), Stdout: &stdout, Stderr: &stderr,
		ReadFile: os.ReadFile, Tree: tree, Dir: dir}
	if code := plugin.Run(env); code != 0 || stderr.Len() > 0 {
		t.Errorf("exit code %d: %s", code, &stderr)
	}
	response := &pluginpb.CodeGeneratorResponse{}
	if err := proto.Unmarshal(stdout.Bytes(), response); err != nil {
		t.Fatal(err)
	}
	return response
}

// TestGenerated checks that gen holds what protoc-gen-go and protoc-gen-grpcservice generate from
// the protos of the suite that go.mod names.
func TestGenerated(t *testing.T) {
	for name, response := range map[string]*pluginpb.CodeGeneratorResponse{
		"protoc-gen-go":          messages(t, request(t, "module="+module)),
		"protoc-gen-grpcservice": service(t, request(t, "emit=service,module="+module)),
	} {
		if response.Error != nil || len(response.File) == 0 {
			t.Errorf("%s: %d files, %s", name, len(response.File), response.GetError())
		}
		for _, out := range response.File {
			compare(t, filepath.FromSlash(out.GetName()), out.GetContent())
		}
	}
}

func compare(t *testing.T, at, generated string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(generated), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(at)
	if diff := cmp.Diff(string(have), generated); err != nil || diff != "" {
		t.Errorf("%s differs from what is generated (%v);"+
			" run go test . -update in internal/conformance (-have +generated):\n%s", at, err, diff)
	}
}
