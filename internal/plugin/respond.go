package plugin

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/pluginpb"

	"github.com/grpcservice/grpcservice/internal/apidoc"
	"github.com/grpcservice/grpcservice/internal/diag"
	"github.com/grpcservice/grpcservice/internal/gen"
	"github.com/grpcservice/grpcservice/internal/model"
	"github.com/grpcservice/grpcservice/internal/pattern/table"
	"github.com/grpcservice/grpcservice/internal/workspace"
)

// modelled is a request whose files are modelled.
type modelled struct {
	run      run
	files    []model.File
	problems diag.List // with an error, there are no files
}

// hasTools reports whether an RPC is a tool of agents.
func (m modelled) hasTools() bool { return slices.ContainsFunc(m.files, model.File.HasTools) }

// prepare models the files of a request. If that has no error, the request is not needed any more.
func prepare(env Env, request *pluginpb.CodeGeneratorRequest) (m modelled) {
	defer reportPanic(&m.problems)
	params, err := parseParameters(request.GetParameter())
	if err != nil {
		m.problems.Fail(err)
		return m
	}
	in, problems := load(env, request, params)
	if problems.Err() != nil {
		return modelled{problems: problems}
	}
	files, problems := model.Build(in.plugin, model.Options{
		ImportPath: params.importPath, Modules: workspace.Workspace{Tree: env.Tree, Dir: env.Dir}.Modules(),
		PackageSuffix: params.packageSuffix, PolicyFile: in.policy, Patterns: table.Patterns(),
		Explains: params.report != "" || params.emits(docsEmit),
	})
	if params.emits(docsEmit) && problems.Err() == nil {
		in.references = apidoc.Build(in.plugin, files)
	}
	in.plugin = nil
	return modelled{run{env: env, in: in, params: params}, files, params.judge(problems)}
}

// respond answers a request with files, or with an error that lists all problems.
func respond(m modelled) (*pluginpb.CodeGeneratorResponse, diag.List) {
	response := &pluginpb.CodeGeneratorResponse{
		SupportedFeatures: proto.Uint64(uint64(pluginpb.CodeGeneratorResponse_FEATURE_PROTO3_OPTIONAL |
			pluginpb.CodeGeneratorResponse_FEATURE_SUPPORTS_EDITIONS)),
		MinimumEdition: proto.Int32(int32(model.MinimumEdition)),
		MaximumEdition: proto.Int32(int32(model.MaximumEdition)),
	}
	files, problems := generate(m)
	if err := problems.Err(); err != nil {
		// The text may quote the request, which may be invalid UTF-8. A response must be valid.
		response.Error = proto.String(strings.ToValidUTF8(strings.TrimSpace(err.Error()), "\uFFFD"))
		return response, problems.Warnings()
	}
	response.File = files
	return response, problems.Warnings()
}

// generate returns the files for a request, and all problems.
func generate(m modelled) (files []*pluginpb.CodeGeneratorResponse_File, problems diag.List) {
	defer reportPanic(&problems)
	if m.problems.Err() != nil {
		return nil, m.problems
	}
	out := render(m.run, m.files)
	problems.Add(m.problems...)
	problems.Add(out.problems...)
	return out.files, m.run.params.judge(problems)
}

// reportPanic turns a panic into an error: protogen trusts descriptors, and may panic on those that
// no compiler produces.
func reportPanic(problems *diag.List) {
	if r := recover(); r != nil {
		problems.Fail(fmt.Errorf("internal error: %v; please report it, with the proto files, at %s", r, issues))
	}
}

// render returns the output of a run in order: the files for each proto file, the report, and the
// files for all proto files together.
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
