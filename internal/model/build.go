package model

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/internal/diag"
	"github.com/grpcservice/grpcservice/internal/golang"
	"github.com/grpcservice/grpcservice/internal/policy"
)

// Options are the parameters that shape the model.
type Options struct {
	ImportPath    string          // of the output folder, for our packages; "" where they go below those of the messages
	Modules       *golang.Modules // what is known of Go modules, or nil
	PackageSuffix string          // what the name of the service package adds to that of the messages
	PolicyFile    *policy.File    // rules beside those in the protos, or nil
}

// Build models the files of the request that are generated and have services or reasons, in the order of their paths. Where
// the problems have an error, the models are not fit to be rendered.
func Build(plugin *protogen.Plugin, opts Options) ([]File, diag.List) {
	policies := policy.New(plugin.Files, opts.PolicyFile)
	sources := sourcesOf(plugin, opts, policies)
	b := builder{
		files: plugin.FilesByPath, packages: packagesOf(plugin.Files), messages: messagesOf(plugin.Files), checked: make(map[importOf]bool), policies: policies,
	}
	b.checkPolicyFile(plugin, opts.PolicyFile)
	for _, s := range sources {
		b.checkSource(s)
		b.checkModule(s, opts)
	}
	for _, f := range plugin.Files {
		if f.Generate && !slices.ContainsFunc(sources, func(s source) bool { return s.File == f }) {
			b.checkMessageFile(f)
		}
	}
	b.checkOutputs(sources)
	var files []File
	for _, group := range groupByPackage(sources) {
		files = append(files, b.buildPackage(group)...)
	}
	slices.SortFunc(files, func(x, y File) int { return strings.Compare(x.Source, y.Source) })
	return files, b.problems.Canonical()
}

// builder collects what is wrong while a model is made.
type builder struct {
	files    map[string]*protogen.File
	packages map[protogen.GoImportPath]goPackage
	messages map[protoreflect.FullName]*protogen.Message
	checked  map[importOf]bool
	policies *policy.Policies
	problems diag.List
}

// source is a proto file to generate from, and where its code goes.
type source struct {
	*protogen.File
	service, test Output
	reasons       []*protogen.Enum
}

// sourcesOf returns the files to generate that have services or reasons, in the order of their paths.
func sourcesOf(plugin *protogen.Plugin, opts Options, policies *policy.Policies) []source {
	var sources []source
	for _, f := range plugin.Files {
		if !f.Generate {
			continue
		}
		if reasons := reasonEnums(f, policies); len(f.Services)+len(reasons) > 0 {
			service, test := outputsOf(f, opts)
			sources = append(sources, source{f, service, test, reasons})
		}
	}
	slices.SortFunc(sources, func(x, y source) int { return strings.Compare(x.Desc.Path(), y.Desc.Path()) })
	return sources
}

// groupByPackage returns the sources whose services go to one Go package, in the order of the first.
func groupByPackage(sources []source) [][]source {
	var groups [][]source
	place := make(map[string]int)
	for _, s := range sources {
		i, found := place[s.service.Path]
		if !found {
			i = len(groups)
			place[s.service.Path] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], s)
	}
	return groups
}

// goPackage is a Go package of messages: all proto files of one import path.
type goPackage struct {
	name       string
	deprecated bool   // Go tools take it for deprecated as soon as one of its files is
	first      string // the path of its first file
}

// packagesOf returns the Go packages that the files belong to.
func packagesOf(files []*protogen.File) map[protogen.GoImportPath]goPackage {
	packages := make(map[protogen.GoImportPath]goPackage)
	for _, f := range files {
		p, found := packages[f.GoImportPath]
		if !found || f.Desc.Path() < p.first {
			p.first = f.Desc.Path()
		}
		p.name = string(f.GoPackageName)
		p.deprecated = p.deprecated || isDeprecated(f.Desc, "")
		packages[f.GoImportPath] = p
	}
	return packages
}

// buildPackage models the files of one Go package.
func (b *builder) buildPackage(sources []source) []File {
	lower := lowerNames(goNamesOf(sources))
	service, test := newScope("service"), newScope("test")
	files := make([]File, 0, len(sources))
	for _, s := range sources {
		file := File{Source: s.Desc.Path(), Descriptor: b.ident(s.GoDescriptorIdent), Service: s.service, Test: s.test}
		for _, svc := range s.Services {
			modelled := b.buildService(s, svc, lower[svc.GoName])
			declarer := declarer{atService(svc), svc.GoName}
			service.declare(&b.problems, declarer, modelled.inService())
			test.declare(&b.problems, declarer, modelled.inTest())
			file.Services = append(file.Services, modelled)
		}
		for _, e := range s.reasons {
			reasons := b.buildReasons(e)
			service.declareReasons(&b.problems, e.Desc, reasons)
			file.Reasons = append(file.Reasons, reasons)
		}
		file.markDeprecated(len(s.Services) > 0 && b.namesDeprecated(s))
		files = append(files, file)
	}
	for i, s := range sources {
		b.checkLinked(s, files[i].usesOperations())
		for j, svc := range s.Services {
			service.nameHelpers(&b.problems, svc, &files[i].Services[j])
		}
	}
	for i := range files {
		files[i].Service.Declares = service.names()
		files[i].Test.Declares = test.names()
	}
	return files
}

// goNamesOf returns the Go names of all services of the sources, each once.
func goNamesOf(sources []source) []string {
	var names []string
	for _, s := range sources {
		for _, svc := range s.Services {
			names = append(names, svc.GoName)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
