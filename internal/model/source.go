package model

import (
	"cmp"
	"slices"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"

	"github.com/grpcservice/grpcservice/internal/pattern/shape"
	"github.com/grpcservice/grpcservice/internal/policy"
)

// source is a proto file to generate from, and where its code goes.
type source struct {
	*protogen.File
	service, test Output
	reasons       []*protogen.Enum
}

// sourcesOf returns the files to generate that have services or reasons, in the order of their
// paths.
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
	documentPackages(sources)
	return sources
}

// documentPackages gives each Go package its comment, in the first of its files. Which is first
// depends on the files of the package alone, so that buf's strategies "directory" and "all" agree.
func documentPackages(sources []source) {
	documented := make(map[string]bool) // by import path
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
		}
	}
}

func isWithoutServices(s source) bool { return len(s.Services) == 0 }

func packageDoc(out Output, does string, sources []source) string {
	return "Package " + out.Package + " " + does + " of " + protosOf(sources) + "."
}

// samePackage returns the sources whose services go to the Go package of s.
func samePackage(sources []source, s source) (group []source) {
	for _, other := range sources {
		if other.service.Path == s.service.Path {
			group = append(group, other)
		}
	}
	return group
}

// protosOf returns the proto packages of sources as a sentence lists them, and the paths of those
// that have none.
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

// files returns the paths of what is generated for s.
func (s source) files() []string {
	if len(s.Services) == 0 {
		return []string{s.service.File}
	}
	return []string{s.service.File, s.test.File}
}
