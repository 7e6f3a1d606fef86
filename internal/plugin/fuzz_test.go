package plugin_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"

	"github.com/grpcservice/grpcservice/internal/plugin"
)

// FuzzPlugin checks that no request, even a damaged one, makes the plugin panic, hang or write
// unsafe Go.
func FuzzPlugin(f *testing.F) {
	for _, c := range testCases(f) {
		seed, err := proto.Marshal(c.request(f))
		if err != nil {
			f.Fatal(err)
		}
		if len(seed) < 20_000 {
			f.Add(seed)
		}
	}
	f.Fuzz(checkAnswer)
}

// FuzzStrings checks the same for well-formed requests with arbitrary strings.
func FuzzStrings(f *testing.F) {
	f.Add("a.proto", "example.com/a", "paths=source_relative", "p", "Service", "Do", " a comment\n")
	f.Add("a_windows.proto", "../a;main", "module=example.com", "", "snake_case", "do_it", "go:generate x\n +build y\n")
	f.Add("a\nb.proto", "a/b;c\nfunc init() {}", "Ma.proto=x/y,emit=test", "type", "type", "_", "\x00\ufeff\u2028//line x:1\r*/")
	f.Add("a\nfunc init() {}\n/b.proto", "a.b", "", "p", "S", "M", " Deprecated: x")
	f.Fuzz(func(t *testing.T, path, goPackage, parameter, pkg, service, method, comment string) {
		request := &pluginpb.CodeGeneratorRequest{
			FileToGenerate: []string{path},
			Parameter:      proto.String(parameter),
			ProtoFile: []*descriptorpb.FileDescriptorProto{{
				Name: proto.String(path), Package: proto.String(pkg), Syntax: proto.String("proto3"),
				Options:     &descriptorpb.FileOptions{GoPackage: proto.String(goPackage)},
				MessageType: []*descriptorpb.DescriptorProto{{Name: proto.String("M")}},
				Service: []*descriptorpb.ServiceDescriptorProto{{Name: proto.String(service), Method: []*descriptorpb.MethodDescriptorProto{{
					Name: proto.String(method), InputType: proto.String("M"), OutputType: proto.String("M"),
				}}}},
				SourceCodeInfo: &descriptorpb.SourceCodeInfo{Location: []*descriptorpb.SourceCodeInfo_Location{
					{Path: []int32{6, 0}, Span: []int32{1, 1, 1}, LeadingComments: proto.String(comment)},
					{Path: []int32{6, 0, 2, 0}, Span: []int32{2, 2, 2}, TrailingComments: proto.String(comment)},
				}},
			}},
		}
		in, err := proto.Marshal(request)
		if err != nil {
			t.Fatal(err)
		}
		checkAnswer(t, in)
	})
}

// checkAnswer runs the plugin on a request and checks the response.
func checkAnswer(t *testing.T, in []byte) {
	var stdout, stderr bytes.Buffer
	start := time.Now()
	code := plugin.Run(plugin.Env{Stdin: bytes.NewReader(in), Stdout: &stdout, Stderr: &stderr, ReadFile: readTestdata})
	if elapsed := time.Since(start); elapsed > time.Minute {
		t.Fatalf("it took %v", elapsed)
	}
	if code != 0 {
		if code != 1 || stdout.Len() > 0 || stderr.Len() == 0 {
			t.Fatalf("the exit code is %d, stdout %q and stderr %q", code, &stdout, &stderr)
		}
		return
	}
	response := &pluginpb.CodeGeneratorResponse{}
	if err := proto.Unmarshal(stdout.Bytes(), response); err != nil {
		t.Fatal(err)
	}
	checkFeatures(t, response)
	if response.Error != nil && (len(response.File) > 0 || response.GetError() == "") {
		t.Fatalf("the response has the error %q and %d files", response.GetError(), len(response.File))
	}
	if strings.HasPrefix(response.GetError(), "internal error") {
		t.Fatalf("the response has the error %q", response.GetError())
	}
	for _, file := range response.File {
		if isReport(file.GetName()) {
			continue
		}
		if err := checkGoFile(file.GetName(), file.GetContent()); err != nil {
			t.Fatalf("%q: %v", file.GetName(), err)
		}
	}
}
