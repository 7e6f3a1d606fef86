package model

import (
	"path"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
)

// outputsOf returns where the code for the services of f goes: packages below that of its messages
// or, if an import path is set, below the output directory at the path of the proto.
func outputsOf(f *protogen.File, opts Options) (service, test, adapters Output) {
	service = newOutput(f, opts, packageStem(string(f.GoPackageName))+opts.PackageSuffix)
	test = newOutput(f, opts, service.Package+"test")
	adapters = newOutput(f, opts, service.Package+"gogrpc")
	return service, test, adapters
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

// packageStem returns the prefix of the names of the generated packages. It is the name of the
// messages' package without the underscore that protoc-gen-go puts before a keyword or a digit: Go
// tools ignore directories that start with an underscore.
func packageStem(name string) string {
	stem := strings.TrimLeft(name, "_")
	if stem != "" && '0' <= stem[0] && stem[0] <= '9' {
		return "pkg" + stem
	}
	return stem
}

// Output is one generated Go file.
type Output struct {
	Package    string   // the name of its Go package
	Path       string   // the import path of its Go package
	File       string   // its path, relative to the output directory
	Doc        string   // the package comment, one line; "" if another file of the package has it
	Declares   []string // the names that all files of the Go package declare, sorted
	Deprecated bool     // whether the file refers to something deprecated
}
