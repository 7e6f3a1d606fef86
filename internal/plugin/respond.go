package plugin

import (
	"errors"
	"fmt"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"

	"github.com/grpcservice/grpcservice/internal/gen"
	"github.com/grpcservice/grpcservice/internal/model"
)

// respond answers a request: with files, or with an error that says everything that is wrong.
func respond(request *pluginpb.CodeGeneratorRequest) (*pluginpb.CodeGeneratorResponse, []model.Problem) {
	response := &pluginpb.CodeGeneratorResponse{
		SupportedFeatures: proto.Uint64(uint64(pluginpb.CodeGeneratorResponse_FEATURE_PROTO3_OPTIONAL |
			pluginpb.CodeGeneratorResponse_FEATURE_SUPPORTS_EDITIONS)),
		MinimumEdition: proto.Int32(int32(descriptorpb.Edition_EDITION_PROTO2)),
		MaximumEdition: proto.Int32(int32(descriptorpb.Edition_EDITION_2024)),
	}
	files, warnings, err := generate(request)
	if err != nil {
		// The text may quote the request, which need not be UTF-8; a response has to be.
		response.Error = proto.String(strings.ToValidUTF8(strings.TrimSpace(err.Error()), "\uFFFD"))
		return response, warnings
	}
	response.File = files
	return response, warnings
}

// generate returns the files for a request, or all that is wrong with it.
func generate(request *pluginpb.CodeGeneratorRequest) (files []*pluginpb.CodeGeneratorResponse_File, warnings []model.Problem, err error) {
	defer panicToError(&err)
	params, err := parseParameters(request.GetParameter())
	if err != nil {
		return nil, nil, err
	}
	if err := model.CheckGoPackages(request, params.mappings); err != nil {
		return nil, nil, err
	}
	plugin, err := protogen.Options{ParamFunc: known}.New(request)
	if err != nil {
		return nil, nil, err
	}
	modelled, warnings, err := model.Build(plugin, model.Options{PackageSuffix: params.packageSuffix})
	if err != nil {
		return nil, warnings, err
	}
	files, err = render(modelled, params)
	return files, warnings, err
}

// panicToError makes an error of a panic: protogen trusts descriptors, and need not be right on those that no compiler makes.
func panicToError(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("internal error: %v; please report it, with the proto files, at %s", r, issues)
	}
}

// known accepts a parameter that is not protogen's own: parseParameters has checked all of them.
func known(string, string) error { return nil }

// render returns the output for the files of a model, in their order.
func render(files []model.File, params parameters) ([]*pluginpb.CodeGeneratorResponse_File, error) {
	var out []*pluginpb.CodeGeneratorResponse_File
	var errs []error
	add := func(file string, content []byte, err error) {
		if err == nil {
			file, err = params.place(file)
		}
		errs = append(errs, err)
		out = append(out, &pluginpb.CodeGeneratorResponse_File{Name: proto.String(file), Content: proto.String(string(content))})
	}
	for _, file := range files {
		if params.emit.service {
			content, err := gen.Service(file)
			add(file.Service.File, content, err)
		}
		if params.emit.test {
			content, err := gen.Test(file)
			add(file.Test.File, content, err)
		}
	}
	return out, errors.Join(errs...)
}
