package plugin

import (
	"slices"
	"strings"

	"github.com/grpcservice/grpcservice/internal/model"
)

// emitter is a row of the table of what the plugin generates: the parameter emit, the response,
// --help and docs/plugin.md derive from it.
type emitter struct {
	name      string
	isDefault bool   // whether it is on where the parameter is not given
	needs     []need // the parameters without which it is an error

	// What it writes of each proto file, and of all of them together; either may be nil.
	file func(o *output, r run, file model.File)
	all  func(o *output, r run, files []model.File)

	path string // what it writes, for library/v1/book_service.proto of Go package libraryv1
	help string // its line in --help
	doc  string // its row in docs/plugin.md
}

// need is a parameter that an emitter needs, and what it is there.
type need struct{ parameter, what, example string }

// run is what the emitters of a run share.
type run struct {
	env    Env
	in     input
	params parameters
}

// emitters returns the table of what the plugin generates, in the order of its output.
func emitters() []emitter {
	return []emitter{{
		name: "service", isDefault: true,
		file: func(o *output, r run, file model.File) {
			o.addCode(r.params, file.Service, file, r.in.templates.Service)
		},
		path: "library/v1/libraryv1service/book_service.grpcservice.go",
		help: "the interface BookService, and what serves and calls it; written anew each time",
		doc:  "the package that serves and calls; overwritten each time",
	}, {
		name: "test", isDefault: true,
		file: addTest,
		path: "library/v1/libraryv1servicetest/book_service.grpcservice.go",
		help: "a server in memory, a fake, the contract test; written anew each time",
		doc:  "the package that helps to test ([testing](testing.md)); overwritten each time",
	}, {
		name: "skeleton",
		needs: []need{{"skeleton_dir", "the folder of the package that implements the " +
			"services", "internal/service"}},
		all: func(o *output, r run, files []model.File) {
			o.addSkeleton(r.env, files, r.in.templates, r.params)
		},
		path: "SKELETON_DIR/book_service.go, book_service_test.go, APP/main.go",
		help: "methods that you fill in; later runs add new RPCs, and change nothing that is " +
			"there",
		doc: "starter code that is yours from then on; later runs add new RPCs ([the " +
			"skeleton](skeleton.md))",
	}, {
		name: "deploy",
		needs: []need{
			{"deploy_dir", "the folder that the files go to", "deploy"},
			{"app", "the folder of the program", "cmd/server"},
			{"app_name", "what the program is called in a cluster", "shop"},
			{"image", "the image that is run", "registry.example.com/shop:1.4.0"},
		},
		all:  func(o *output, r run, files []model.File) { o.addDeployment(r.env, files, r.params) },
		path: "DEPLOY_DIR/Dockerfile, kubernetes/, istio/, client/service-config.json",
		help: "made once; later runs tell where they do not agree with the policies",
		doc: "a Dockerfile and manifests that are yours from then on; later runs warn where " +
			"they do not agree with the policies ([deploying](deploy.md))",
	}}
}

// addTest adds the test package of a file, which one without services has not.
func addTest(o *output, r run, file model.File) {
	if len(file.Services) > 0 {
		o.addCode(r.params, file.Test, file, r.in.templates.Test)
	}
}

// emitNames returns the words of the parameter emit.
func emitNames() (names []string) {
	for _, e := range emitters() {
		names = append(names, e.name)
	}
	return names
}

// defaultEmits lists what is generated where the parameter is not given.
func defaultEmits(separator string) string {
	var names []string
	for _, e := range emitters() {
		if e.isDefault {
			names = append(names, e.name)
		}
	}
	return strings.Join(names, separator)
}

// setEmits adds the words of the parameter to what is generated.
func setEmits(p *parameters, value string) {
	p.emit = append(p.emit, strings.Split(value, ";")...)
}

// emits reports whether any of some emitters is on.
func (p *parameters) emits(names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return slices.Contains(p.emit, name) })
}
