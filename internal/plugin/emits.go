package plugin

import (
	"strings"

	"github.com/grpcservice/grpcservice/internal/model"
)

// emitter is a row of the table of outputs. The parameter emit, the response, --help and
// docs/plugin.md derive from it.
type emitter struct {
	name      string
	isDefault bool   // whether it is on if the parameter emit is unset
	needs     []need // the parameters that it requires

	// file writes the output for a single proto file, and all writes the output for all proto files
	// together. Exactly one of them is set.
	file func(o *output, r run, file model.File)
	all  func(o *output, r run, files []model.File)

	path string // its output for library/v1/book_service.proto of package libraryv1
	help string // its line in --help
	doc  string // its row in docs/plugin.md
}

// need is a parameter that an emitter requires, with its meaning and an example for errors.
type need struct{ parameter, what, example string }

// run is the data that the emitters of a run share.
type run struct {
	env    Env
	in     input
	params parameters
}

// emitters returns the table of outputs, in the order of the response.
func emitters() []emitter {
	return []emitter{{
		name: "service", isDefault: true,
		file: func(o *output, r run, file model.File) {
			o.addCode(r.params, file.Service, file, r.in.templates.Service)
		},
		path: "library/v1/libraryv1service/book_service.grpcservice.go",
		help: "the interface BookService, its server side and its client; overwritten by each run",
		doc:  "the interface, its server side and its client; overwritten by each run",
	}, {
		name: "test", isDefault: true,
		file: addTest,
		path: "library/v1/libraryv1servicetest/book_service.grpcservice.go",
		help: "an in-memory server, a fake, the contract test; overwritten by each run",
		doc:  "the [test kit](testing.md); overwritten by each run",
	}, {
		name: "gogrpc",
		file: addAdapters,
		path: "library/v1/libraryv1servicegogrpc/book_service.grpcservice.go",
		help: "adapters to and from the code of protoc-gen-go-grpc; overwritten by each run",
		doc: "[adapters](moving.md#one-method-at-a-time) to and from the code of protoc-gen-go-grpc, " +
			"whose package must be that of the messages; overwritten by each run",
	}, {
		name: "skeleton",
		needs: []need{{"skeleton_dir", "the directory of the package that implements the " +
			"services", "internal/service"}},
		all: func(o *output, r run, files []model.File) {
			o.addSkeleton(r.env, files, r.in.templates, r.params)
		},
		path: "SKELETON_DIR/book_service.go, book_service_test.go, APP/main.go, APP/telemetry.go",
		help: "starter code for you to edit; later runs add new RPCs and change nothing else",
		doc: "[starter code](skeleton.md) for you to edit; later runs add new RPCs and change " +
			"nothing else",
	}, {
		name:  "deploy",
		needs: deployNeeds(),
		all:   func(o *output, r run, files []model.File) { o.addDeployment(r.env, files, r.params) },
		path:  "DEPLOY_DIR/Dockerfile, kubernetes/, istio/, gateway/, monitoring/, client/service-config.json",
		help:  "written once; later runs warn if the files contradict the policies",
		doc: "a [Dockerfile and manifests](deploy.md) for you to edit; later runs warn if they " +
			"contradict the policies",
	}, {
		name: docsEmit,
		all:  func(o *output, r run, files []model.File) { o.addDocs(r) },
		path: "library/v1/library.v1.BookService.md, library.v1.md, library.v1.html",
		help: "an API reference in Markdown and HTML for the callers; overwritten by each run",
		doc: "an [API reference](api-reference.md) in Markdown and HTML for the callers; overwritten by " +
			"each run",
	}}
}

// docsEmit is the word that turns API references on.
const docsEmit = "docs"

// deployNeeds returns the parameters that emit=deploy requires.
func deployNeeds() []need {
	return []need{
		{"deploy_dir", "the directory of the files", "deploy"},
		{"app", "the directory of the program", "cmd/server"},
		{"app_name", "what the program is called in a cluster", "shop"},
		{"image", "the image that is run", "registry.example.com/shop:1.4.0"},
	}
}

// addTest adds the test package of a file. A file without services has none.
func addTest(o *output, r run, file model.File) {
	if len(file.Services) > 0 {
		o.addCode(r.params, file.Test, file, r.in.templates.Test)
	}
}

// addAdapters adds the adapters of a file. A file without services has none.
func addAdapters(o *output, r run, file model.File) {
	if len(file.Services) > 0 {
		o.addCode(r.params, file.Adapters, file, r.in.templates.Adapters)
	}
}

// emitNames returns the valid values of the parameter emit.
func emitNames() (names []string) {
	for _, e := range emitters() {
		names = append(names, e.name)
	}
	return names
}

// defaultEmits returns the default values of the parameter emit, joined by separator.
func defaultEmits(separator string) string {
	var names []string
	for _, e := range emitters() {
		if e.isDefault {
			names = append(names, e.name)
		}
	}
	return strings.Join(names, separator)
}

// setEmits appends the values in the parameter emit to those already set.
func setEmits(p *parameters, value string) {
	p.emit = append(p.emit, strings.Split(value, ";")...)
}
