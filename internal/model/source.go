package model

import (
	"cmp"
	"slices"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"

	"github.com/grpcservice/grpcservice/internal/pattern/shape"
	"github.com/grpcservice/grpcservice/internal/policy"
)

// source is a proto file to generate from, and the outputs for its code.
type source struct {
	*protogen.File
	service, test, adapters Output
	reasons                 []*protogen.Enum
}

// sourcesOf returns the files to generate that have services or reasons, ordered by path.
func sourcesOf(plugin *protogen.Plugin, opts Options, policies *policy.Policies) []source {
	var sources []source
	for _, f := range plugin.Files {
		if !f.Generate {
			continue
		}
		if reasons := reasonEnums(f, policies); len(f.Services)+len(reasons) > 0 {
			service, test, adapters := outputsOf(f, opts)
			sources = append(sources, source{f, service, test, adapters, reasons})
		}
	}
	slices.SortFunc(sources, func(x, y source) int { return strings.Compare(x.Desc.Path(), y.Desc.Path()) })
	documentPackages(sources)
	return sources
}

// documentPackages adds the package comment to the first file of each Go package. Which file is
// first depends only on the files of the package, so the result is the same with buf's strategies
// "directory" and "all".
func documentPackages(sources []source) {
	documented := make(map[string]bool) // keyed by import path
	for i := range sources {
		s := &sources[i]
		group := samePackage(sources, *s)
		served := slices.DeleteFunc(slices.Clone(group), isWithoutServices)
		if !documented[s.service.Path] {
			documented[s.service.Path] = true
			s.service.Doc = packageDoc(s.service, "serves and calls the services", served)
			if len(served) == 0 {
				s.service.Doc = packageDoc(s.service, "declares the error reasons", group)
			}
		}
		if len(s.Services) > 0 && !documented[s.test.Path] {
			documented[s.test.Path] = true
			s.test.Doc = packageDoc(s.test, "helps to test servers and clients", served)
			s.adapters.Doc = packageDoc(s.adapters, "converts to and from the protoc-gen-go-grpc interfaces", served)
		}
	}
}

func isWithoutServices(s source) bool { return len(s.Services) == 0 }

func packageDoc(out Output, does string, sources []source) string {
	return "Package " + out.Package + " " + does + " of " + protosOf(sources) + "."
}

// samePackage returns the sources whose services are in the same Go package as those of s.
func samePackage(sources []source, s source) (group []source) {
	for _, other := range sources {
		if other.service.Path == s.service.Path {
			group = append(group, other)
		}
	}
	return group
}

// protosOf returns the proto packages of sources joined as in a sentence. A source without a
// package is listed by its path.
func protosOf(sources []source) string {
	var names []string
	for _, s := range sources {
		name := cmp.Or(string(s.Desc.Package()), s.Desc.Path())
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return shape.Join(names)
}

// files returns the paths of the files generated for s.
func (s source) files() []string {
	if len(s.Services) == 0 {
		return []string{s.service.File}
	}
	return []string{s.service.File, s.test.File, s.adapters.File}
}
