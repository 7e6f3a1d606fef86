package foreign_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/google/go-cmp/cmp"
	collectorv1 "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/pluginpb"

	"github.com/grpcservice/grpcservice/internal/plugin"
	"github.com/grpcservice/grpcservice/internal/workspace"
)

var update = flag.Bool("update", false, "rewrite what is generated")

// files are the protos whose services are generated, as their modules carry them.
var files = []protoreflect.FileDescriptor{
	collectorv1.File_opentelemetry_proto_collector_trace_v1_trace_service_proto,
	discoveryv3.File_envoy_service_discovery_v3_ads_proto,
	pubsubpb.File_google_pubsub_v1_pubsub_proto,
}

// request returns the request of buf for a file.
func request(file protoreflect.FileDescriptor, parameter string) *pluginpb.CodeGeneratorRequest {
	r := &pluginpb.CodeGeneratorRequest{FileToGenerate: []string{file.Path()}, Parameter: proto.String(parameter)}
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
		r.ProtoFile = append(r.ProtoFile, protodesc.ToFileDescriptorProto(f))
	}
	add(file)
	return r
}

// generate runs the plugin as buf does in this module.
func generate(t *testing.T, r *pluginpb.CodeGeneratorRequest) (response *pluginpb.CodeGeneratorResponse, warnings string) {
	t.Helper()
	in, err := proto.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	tree, dir := workspace.Disk()
	if code := plugin.Run(plugin.Env{Stdin: bytes.NewReader(in), Stdout: &stdout, Stderr: &stderr, ReadFile: os.ReadFile, Tree: tree, Dir: dir}); code != 0 {
		t.Fatalf("exit code %d: %s", code, &stderr)
	}
	response = &pluginpb.CodeGeneratorResponse{}
	if err := proto.Unmarshal(stdout.Bytes(), response); err != nil {
		t.Fatal(err)
	}
	return response, stderr.String()
}

// TestGenerated checks that gen holds what the plugin generates.
func TestGenerated(t *testing.T) {
	for _, file := range files {
		response, warnings := generate(t, request(file, "emit=service,import_path=github.com/grpcservice/grpcservice/internal/foreign/gen"))
		if response.Error != nil || warnings != "" {
			t.Errorf("%s: %s%s", file.Path(), response.GetError(), warnings)
		}
		for _, out := range response.File {
			at := filepath.Join("gen", filepath.FromSlash(out.GetName()))
			if *update {
				if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(at, []byte(out.GetContent()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			have, err := os.ReadFile(at)
			if diff := cmp.Diff(string(have), out.GetContent()); err != nil || diff != "" {
				t.Errorf("%s is not what the plugin generates; run go test . -update in internal/foreign (%v) (-have +generated):\n%s", at, err, diff)
			}
		}
	}
}

// TestForeignMessagesNeedAPlace checks that without import_path it is an error to generate into
// another's module.
func TestForeignMessagesNeedAPlace(t *testing.T) {
	for _, file := range files {
		response, _ := generate(t, request(file, ""))
		if !bytes.Contains([]byte(response.GetError()), []byte("set the parameter import_path=")) || len(response.File) > 0 {
			t.Errorf("%s: %d files, %s", file.Path(), len(response.File), response.GetError())
		}
	}
}
