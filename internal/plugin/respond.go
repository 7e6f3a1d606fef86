package plugin

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/pluginpb"

	"github.com/grpcservice/grpcservice/internal/diag"
	"github.com/grpcservice/grpcservice/internal/gen"
	"github.com/grpcservice/grpcservice/internal/model"
	"github.com/grpcservice/grpcservice/internal/pattern/table"
	"github.com/grpcservice/grpcservice/internal/policy"
	"github.com/grpcservice/grpcservice/internal/workspace"
)

// respond answers a request: with files, or with an error that says everything that is wrong.
func respond(env Env, request *pluginpb.CodeGeneratorRequest) (*pluginpb.CodeGeneratorResponse, diag.List) {
	response := &pluginpb.CodeGeneratorResponse{
		SupportedFeatures: proto.Uint64(uint64(pluginpb.CodeGeneratorResponse_FEATURE_PROTO3_OPTIONAL |
			pluginpb.CodeGeneratorResponse_FEATURE_SUPPORTS_EDITIONS)),
		MinimumEdition: proto.Int32(int32(model.MinimumEdition)),
		MaximumEdition: proto.Int32(int32(model.MaximumEdition)),
	}
	files, problems := generate(env, request)
	if err := problems.Err(); err != nil {
		// The text may quote the request, which need not be UTF-8; a response has to be.
		response.Error = proto.String(strings.ToValidUTF8(strings.TrimSpace(err.Error()), "\uFFFD"))
		return response, problems.Warnings()
	}
	response.File = files
	return response, problems.Warnings()
}

// generate returns the files for a request, and all that is wrong with it.
func generate(env Env, request *pluginpb.CodeGeneratorRequest) (files []*pluginpb.CodeGeneratorResponse_File, problems diag.List) {
	defer reportPanic(&problems)
	params, err := parseParameters(request.GetParameter())
	if err != nil {
		problems.Fail(err)
		return nil, problems
	}
	in, problems := load(env, request, params)
	if problems.Err() != nil {
		return nil, problems
	}
	modelled, problems := model.Build(in.plugin, model.Options{
		ImportPath: params.importPath, Modules: workspace.Workspace{Tree: env.Tree, Dir: env.Dir}.Modules(),
		PackageSuffix: params.packageSuffix, PolicyFile: in.policy, Patterns: table.Patterns(),
	})
	if problems = params.judge(problems); problems.Err() != nil {
		return nil, problems
	}
	out := render(run{env: env, in: in, params: params}, modelled)
	problems.Add(out.problems...)
	return out.files, params.judge(problems)
}

// judge returns the problems as the parameter strict wants them: with strict, warnings are errors.
func (p *parameters) judge(problems diag.List) diag.List {
	if p.strict {
		return problems.Strict()
	}
	return problems
}

// input is what a run reads.
type input struct {
	plugin    *protogen.Plugin
	policy    *policy.File
	templates *gen.Templates
}

// load reads what a run needs. It stops at the first part of it that has an error.
func load(env Env, request *pluginpb.CodeGeneratorRequest, params parameters) (in input, problems diag.List) {
	for _, read := range []func() error{
		func() (err error) { in.policy, err = readPolicy(env, params.policy); return err },
		func() (err error) { in.templates, err = loadTemplates(env, params.templates); return err },
		func() error { return model.CheckEditions(request).Err() },
		func() error { return model.CheckGoPackages(request, params.mappings).Err() },
		func() (err error) { in.plugin, err = protogen.Options{ParamFunc: known}.New(request); return err },
	} {
		if err := read(); err != nil {
			problems.Fail(err)
			return in, problems
		}
	}
	return in, nil
}

// reportPanic makes an error of a panic: protogen trusts descriptors, and need not be right on
// those that no compiler makes.
func reportPanic(problems *diag.List) {
	if r := recover(); r != nil {
		problems.Fail(fmt.Errorf("internal error: %v; please report it, with the proto files, at %s", r, issues))
	}
}

// known accepts a parameter that is not protogen's own: parseParameters has checked all of them.
func known(string, string) error { return nil }

// render returns the output for the files of a model, in their order, the report, and what the
// user's files lack.
func render(r run, files []model.File) (out output) {
	for _, file := range files {
		for _, e := range emitters() {
			if e.file != nil && r.params.emits(e.name) {
				e.file(&out, r, file)
			}
		}
	}
	if r.params.report != "" {
		content, err := gen.Report(files, r.in.policy)
		out.add(r.params.report, content, err)
	}
	for _, e := range emitters() {
		if e.all != nil && r.params.emits(e.name) {
			e.all(&out, r, files)
		}
	}
	return out
}

// output collects what a run generates, and what goes wrong with it.
type output struct {
	files    []*pluginpb.CodeGeneratorResponse_File
	problems diag.List
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
	o.problems.Fail(err)
	o.files = append(o.files, &pluginpb.CodeGeneratorResponse_File{Name: proto.String(path), Content: proto.String(string(content))})
}
