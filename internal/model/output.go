package model

import (
	"fmt"
	"path"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
)

// outputsOf returns where the code for the services of f goes: two packages below that of its messages, or where those are of another
// module, by the path of the proto below the output folder.
func outputsOf(f *protogen.File, opts Options) (service, test Output) {
	names := make([]string, len(f.Services))
	for i, svc := range f.Services {
		names[i] = svc.GoName
	}
	services := fmt.Sprintf("the services of %s: %s.", f.Desc.Path(), strings.Join(names, ", "))
	serves := "serves and calls " + services
	if len(names) == 0 {
		serves = "has the reasons of errors that " + f.Desc.Path() + " lists."
	}

	service = newOutput(f, opts, packageStem(string(f.GoPackageName))+opts.PackageSuffix)
	service.Doc = "Package " + service.Package + " " + serves
	test = newOutput(f, opts, service.Package+"test")
	test.Doc = "Package " + test.Package + " helps to test what serves or calls " + services
	return service, test
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

// packageStem returns what the names of the generated packages begin with: the name of the messages' package without the
// underscore that protoc-gen-go puts before a keyword or a digit, as Go tools pass over folders that begin with one.
func packageStem(name string) string {
	stem := strings.TrimLeft(name, "_")
	if stem != "" && '0' <= stem[0] && stem[0] <= '9' {
		return "pkg" + stem
	}
	return stem
}
