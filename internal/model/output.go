package model

import (
	"path"
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

// Output is one generated Go file.
type Output struct {
	Package    string   // the name of its Go package
	Path       string   // the import path of its Go package
	File       string   // where the file goes, below the output directory
	Doc        string   // the package comment, one line; "" where another file of the package has it
	Declares   []string // what the Go package declares, in this and in its other files, sorted
	Deprecated bool     // whether the file names something that is deprecated
}
