package callers_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	spb "google.golang.org/genproto/googleapis/rpc/status"

	shopv1 "github.com/grpcservice/grpcservice/examples/shop/gen/shop/v1"
	"github.com/grpcservice/grpcservice/examples/shop/internal/auth"
)

// called are the protos that the callers in other languages use.
var called = []protoreflect.FileDescriptor{
	shopv1.File_shop_v1_user_service_proto, shopv1.File_shop_v1_product_service_proto,
	shopv1.File_shop_v1_analytics_service_proto, shopv1.File_shop_v1_chat_service_proto,
	spb.File_google_rpc_status_proto, errdetails.File_google_rpc_error_details_proto,
}

// writeDescriptors writes the protos and their imports to a file, and returns their names: compilers
// need neither their sources nor those of Google.
func writeDescriptors(t *testing.T, path string) (names []string) {
	t.Helper()
	set, seen := &descriptorpb.FileDescriptorSet{}, make(map[string]bool)
	var add func(protoreflect.FileDescriptor)
	add = func(file protoreflect.FileDescriptor) {
		if seen[file.Path()] {
			return
		}
		seen[file.Path()] = true
		for i := range file.Imports().Len() {
			add(file.Imports().Get(i).FileDescriptor)
		}
		set.File = append(set.File, protodesc.ToFileDescriptorProto(file))
		if !strings.HasPrefix(file.Path(), "google/protobuf/") { // the runtimes have those
			names = append(names, file.Path())
		}
	}
	for _, file := range called {
		add(file)
	}
	data, err := proto.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return names
}

// checkCalls runs a caller, and checks what it reports.
func checkCalls(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	out, err := cmd.Output()
	if err != nil {
		if failed, ok := err.(*exec.ExitError); ok {
			t.Logf("%s", failed.Stderr)
		}
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	want := map[string]any{
		"unary":         []any{"Ada", "Bob"},
		"server stream": []any{"Teapot", "Green tea, 100 g"},
		"client stream": 6.0,
		"bidi":          []any{"clerk has joined", "hello"},
		"details":       []any{"INVALID_ARGUMENT", "INVALID_REQUEST", "email"},
		"deadline":      "DEADLINE_EXCEEDED",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestPython calls the shop with grpcio, and with what protoc generates for it.
func TestPython(t *testing.T) {
	t.Parallel()
	protoc, plugin := need(t, "protoc"), need(t, "grpc_python_plugin")
	const python = "/usr/bin/python3" // Debian's, which has its packages
	if err := exec.CommandContext(within(t), python, "-c", "import grpc, google.protobuf").Run(); err != nil {
		lacks(t, "python3-grpcio")
	}
	dir := t.TempDir()
	set := filepath.Join(dir, "descriptors.binpb")
	args := []string{
		"--descriptor_set_in=" + set, "--python_out=" + dir, "--grpc_python_out=" + dir,
		"--plugin=protoc-gen-grpc_python=" + plugin,
	}
	generate := exec.CommandContext(within(t), protoc, append(args, writeDescriptors(t, set)...)...)
	if out, err := generate.CombinedOutput(); err != nil {
		t.Fatalf("protoc: %v\n%s", err, out)
	}
	s := start(t)
	script, err := filepath.Abs("testdata/caller.py")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(within(t), python, script, s.Addr, sign(t, auth.Clerk))
	cmd.Env = append(os.Environ(), "PYTHONPATH="+dir, "PYTHONDONTWRITEBYTECODE=1", "no_grpc_proxy=127.0.0.1")
	checkCalls(t, cmd)
}

// installed returns a copy of a directory with package.json, in which npm has installed the versions
// of package-lock.json.
func installed(t *testing.T, source string) (dir string) {
	t.Helper()
	npm, dir := need(t, "npm"), t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(source)); err != nil {
		t.Fatal(err)
	}
	install := exec.CommandContext(within(t), npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline",
		// By default, a registry that does not reply takes all the time that the test has.
		"--fetch-timeout=20000", "--fetch-retries=5", "--fetch-retry-mintimeout=1000")
	install.Dir = dir
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("npm ci: %v\n%s", err, out)
	}
	return dir
}

// TestNode calls the shop with @grpc/grpc-js.
func TestNode(t *testing.T) {
	t.Parallel()
	node, dir := need(t, "node"), installed(t, "testdata/node")
	set := filepath.Join(dir, "descriptors.binpb")
	writeDescriptors(t, set)
	s := start(t)
	cmd := exec.CommandContext(within(t), node, "caller.js", set, s.Addr, sign(t, auth.Clerk))
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "no_grpc_proxy=127.0.0.1")
	checkCalls(t, cmd)
}
