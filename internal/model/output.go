package model

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
)

// outputsOf returns where the code for the services of f goes: two packages below that of its
// messages, or where those are of another module, by the path of the proto below the output
// directory.
func outputsOf(f *protogen.File, opts Options) (service, test Output) {
	service = newOutput(f, opts, packageStem(string(f.GoPackageName))+opts.PackageSuffix)
	test = newOutput(f, opts, service.Package+"test")
	return service, test
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
	return listed(names)
}

func newOutput(f *protogen.File, opts Options, pkg string) Output {
	dir, base := path.Split(f.GeneratedFilenamePrefix)
	importPath := string(f.GoImportPath) + "/" + pkg
	if opts.ImportPath != "" {
		dir = path.Dir(f.Desc.Path())
		importPath = path.Join(opts.ImportPath, dir, pkg)
	}
	return Output{Package: pkg, Path: importPath, File: path.Join(dir, pkg, base+".grpcservice.go")}
}

// packageStem returns what the names of the generated packages begin with: the name of the
// messages' package without the underscore that protoc-gen-go puts before a keyword or a digit, as
// Go tools pass over directories that begin with one.
func packageStem(name string) string {
	stem := strings.TrimLeft(name, "_")
	if stem != "" && '0' <= stem[0] && stem[0] <= '9' {
		return "pkg" + stem
	}
	return stem
}
