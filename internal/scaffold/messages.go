package scaffold

import (
	"bytes"
	"context"
	"errors"
	"runtime/debug"

	gengo "google.golang.org/protobuf/cmd/protoc-gen-go/internal_gengo"
	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/pluginpb"
)

// protobufModule is the module of protoc-gen-go.
const protobufModule = "google.golang.org/protobuf"

// linkedVersion returns the version of a module that this program is built with, or "".
func linkedVersion(module string) string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, dependency := range info.Deps {
		if dependency.Path == module && dependency.Replace == nil {
			return dependency.Version
		}
	}
	return ""
}

// generateMessages generates the messages as protoc-gen-go does in the version that go.mod has. The
// go command compiles it only if this program has another version.
func (s stage) generateMessages(ctx context.Context) error {
	request, err := s.request("paths=source_relative")
	if err != nil {
		return err
	}
	version, err := s.run(ctx, ".", nil, "go", "list", "-m", "-f", "{{.Version}}", protobufModule)
	if err != nil {
		return err
	}
	if string(bytes.TrimSpace(version)) != s.protobuf {
		return s.runMessagePlugin(ctx, request)
	}
	response, err := messages(request)
	if err != nil {
		return err
	}
	return s.writeFiles("gen", response)
}

// runMessagePlugin runs the protoc-gen-go of go.mod.
func (s stage) runMessagePlugin(ctx context.Context, request *pluginpb.CodeGeneratorRequest) error {
	in, err := proto.MarshalOptions{Deterministic: true}.Marshal(request)
	if err != nil {
		return err
	}
	out, err := s.run(ctx, ".", in, "go", "tool", "protoc-gen-go")
	if err != nil {
		return err
	}
	return s.writeResponse("gen", out)
}

// messages runs the protoc-gen-go that this program is built with.
func messages(request *pluginpb.CodeGeneratorRequest) (*pluginpb.CodeGeneratorResponse, error) {
	generator, err := protogen.Options{}.New(request)
	if err != nil {
		return nil, err
	}
	for _, file := range generator.Files {
		if file.Generate {
			gengo.GenerateFile(generator, file)
		}
	}
	response := generator.Response()
	if response.Error != nil {
		return nil, errors.New(response.GetError())
	}
	return response, nil
}
