package plugin

import (
	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/types/pluginpb"

	"github.com/grpcservice/grpcservice/internal/apidoc"
	"github.com/grpcservice/grpcservice/internal/diag"
	"github.com/grpcservice/grpcservice/internal/gen"
	"github.com/grpcservice/grpcservice/internal/model"
	"github.com/grpcservice/grpcservice/internal/policy"
)

// input is the input of a run.
type input struct {
	plugin     *protogen.Plugin
	policy     *policy.File
	templates  *gen.Templates
	references []apidoc.Reference // for emit=docs
}

// load reads the input of a run. It stops at the first part that has an error.
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

// known accepts every parameter that protogen does not define: parseParameters has checked them
// all.
func known(string, string) error { return nil }
