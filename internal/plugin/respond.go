package plugin

import (
	"errors"
	"fmt"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/pluginpb"

	"github.com/grpcservice/grpcservice/internal/gen"
	"github.com/grpcservice/grpcservice/internal/model"
	"github.com/grpcservice/grpcservice/internal/policy"
)

// respond answers a request: with files, or with an error that says everything that is wrong.
func respond(env Env, request *pluginpb.CodeGeneratorRequest) (*pluginpb.CodeGeneratorResponse, []model.Problem) {
	response := &pluginpb.CodeGeneratorResponse{
		SupportedFeatures: proto.Uint64(uint64(pluginpb.CodeGeneratorResponse_FEATURE_PROTO3_OPTIONAL |
			pluginpb.CodeGeneratorResponse_FEATURE_SUPPORTS_EDITIONS)),
		MinimumEdition: proto.Int32(int32(model.MinimumEdition)),
		MaximumEdition: proto.Int32(int32(model.MaximumEdition)),
	}
	files, warnings, err := generate(env, request)
	if err != nil {
		// The text may quote the request, which need not be UTF-8; a response has to be.
		response.Error = proto.String(strings.ToValidUTF8(strings.TrimSpace(err.Error()), "\uFFFD"))
		return response, warnings
	}
	response.File = files
	return response, warnings
}

// generate returns the files for a request, or all that is wrong with it.
func generate(env Env, request *pluginpb.CodeGeneratorRequest) (files []*pluginpb.CodeGeneratorResponse_File, warnings []model.Problem, err error) {
	defer panicToError(&err)
	params, err := parseParameters(request.GetParameter())
	if err != nil {
		return nil, nil, err
	}
	policyFile, err := readPolicy(env, params.policy)
	if err != nil {
		return nil, nil, err
	}
	templates, err := loadTemplates(env, params.templates)
	if err != nil {
		return nil, nil, err
	}
	if err := model.CheckEditions(request); err != nil {
		return nil, nil, err
	}
	if err := model.CheckGoPackages(request, params.mappings); err != nil {
		return nil, nil, err
	}
	plugin, err := protogen.Options{ParamFunc: known}.New(request)
	if err != nil {
		return nil, nil, err
	}
	modelled, warnings, err := model.Build(plugin, model.Options{
		ImportPath: params.importPath, Modules: workspace{tree: env.Tree, dir: env.Dir}.modules(),
		PackageSuffix: params.packageSuffix, PolicyFile: policyFile, Strict: params.strict,
	})
	if err != nil {
		return nil, warnings, err
	}
	files, more, err := render(env, modelled, policyFile, templates, params)
	return files, append(warnings, more...), err
}

// panicToError makes an error of a panic: protogen trusts descriptors, and need not be right on those that no compiler makes.
func panicToError(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("internal error: %v; please report it, with the proto files, at %s", r, issues)
	}
}

// known accepts a parameter that is not protogen's own: parseParameters has checked all of them.
func known(string, string) error { return nil }

// render returns the output for the files of a model, in their order, the report, and what the user's files lack.
func render(env Env, files []model.File, policyFile *policy.File, templates *gen.Templates, params parameters) ([]*pluginpb.CodeGeneratorResponse_File, []model.Problem, error) {
	var out output
	var warnings []model.Problem
	for _, file := range files {
		if params.emit.service {
			out.addCode(params, file.Service, file, templates.Service)
		}
		if params.emit.test && len(file.Services) > 0 {
			out.addCode(params, file.Test, file, templates.Test)
		}
	}
	if params.report != "" {
		content, err := gen.Report(files, policyFile)
		out.add(params.report, content, err)
	}
	if params.emit.skeleton {
		warnings = out.addSkeleton(env, files, templates, params)
	}
	if params.emit.deploy {
		warnings = append(warnings, out.addDeployment(env, files, params)...)
	}
	return out.files, warnings, errors.Join(out.errs...)
}

// output collects what a run generates, and what goes wrong with it.
type output struct {
	files []*pluginpb.CodeGeneratorResponse_File
	errs  []error
}

// addCode adds one of the Go files that a proto file becomes.
func (o *output) addCode(params parameters, to model.Output, file model.File, generate func(model.File) ([]byte, error)) {
	content, err := generate(file)
	path := to.File
	if err == nil {
		path, err = params.place(path)
	}
	o.add(path, content, err)
}

func (o *output) add(path string, content []byte, err error) {
	o.errs = append(o.errs, err)
	o.files = append(o.files, &pluginpb.CodeGeneratorResponse_File{Name: proto.String(path), Content: proto.String(string(content))})
}
