package model

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"

	"github.com/grpcservice/grpcservice/internal/diag"
)

// Build models the files of the request that are generated and have services or reasons, ordered by
// path. If the problems contain an error, the models must not be rendered.
func Build(plugin *protogen.Plugin, opts Options) ([]File, diag.List) {
	r := newRequest(plugin, opts)
	problems := check(r, plugin, opts)
	b := builder{request: r}
	var files []File
	for _, group := range groupByPackage(r.sources) {
		files = append(files, b.buildPackage(group)...)
	}
	problems.Add(b.problems...)
	problems.Add(checkImports(r, b.imported)...)
	slices.SortFunc(files, func(x, y File) int { return strings.Compare(x.Source, y.Source) })
	return files, problems.Canonical()
}

// groupByPackage groups the sources by the Go package of their services. The groups are ordered by
// their first source.
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

func (b *builder) buildPackage(sources []source) []File {
	lower := lowerNames(goNamesOf(sources))
	service, test, adapters := newScope("service"), newScope("test"), newScope("gogrpc")
	files := make([]File, 0, len(sources))
	for _, s := range sources {
		file := File{Source: s.Desc.Path(), Descriptor: b.ident(s.GoDescriptorIdent), Service: s.service, Test: s.test, Adapters: s.adapters}
		for _, svc := range s.Services {
			modelled := b.buildService(s, svc, lower[svc.GoName])
			declarer := declarer{atService(svc), svc.GoName}
			service.declare(&b.problems, declarer, modelled.inService())
			test.declare(&b.problems, declarer, modelled.inTest())
			adapters.declare(&b.problems, declarer, modelled.inAdapters())
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
		for j, svc := range s.Services {
			service.nameMethods(&b.problems, svc, &files[i].Services[j])
		}
	}
	for i, s := range sources {
		b.problems.Add(checkLinked(b.request, s, files[i].links(b.patterns))...)
		for j, svc := range s.Services {
			service.nameHelpers(&b.problems, svc, &files[i].Services[j])
		}
	}
	inService, inTest, inAdapters := service.names(), test.names(), adapters.names()
	for i := range files {
		files[i].Service.Declares, files[i].Test.Declares = inService, inTest
		files[i].Adapters.Declares = inAdapters
	}
	return files
}

// goNamesOf returns the Go names of all services of the sources, without duplicates.
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
