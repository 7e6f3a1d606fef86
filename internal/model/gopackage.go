package model

import (
	"fmt"
	"go/token"
	"path"
	"slices"
	"strings"
	"unicode"

	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"

	"github.com/grpcservice/grpcservice/internal/diag"
)

// CheckGoPackages reports every file that has no Go package, or that gives its package a different
// name than another file. It checks the files to generate and everything they import. The M
// parameters are in mappings, keyed by file. Package protogen finds the same errors, but stops at
// the first.
func CheckGoPackages(request *pluginpb.CodeGeneratorRequest, mappings map[string]string) diag.List {
	var errs diag.List
	seen := make(map[string]namedPackage)
	for _, f := range neededFiles(request) {
		importPath, name := goPackageOf(f, mappings[f.GetName()])
		switch other, again := seen[importPath]; {
		case importPath == "":
			errs.Errorf(diag.At(f.GetName()), "it has no Go package; set the option go_package, or the parameter M%s=<import path>", f.GetName())
		case !strings.ContainsAny(importPath, "./"):
			errs.Errorf(goPackagePosition(f), "the Go import path %q has neither a dot nor a slash; %s", importPath, goPackageAdvice(f.GetName(), importPath))
		case !again:
			seen[importPath] = namedPackage{name, goPackagePosition(f)}
		case other.name != name:
			errs.Errorf(goPackagePosition(f), "the Go package %q is called %q here and %q in %s; give it one name", importPath, name, other.name, other.place)
		}
	}
	return errs.Canonical()
}

// goPackageAdvice returns how to give a file an importable Go import path, with or without changing
// the proto.
func goPackageAdvice(file, importPath string) string {
	clean := strings.Trim(path.Clean("/"+importPath), "/")
	if first, _, _ := strings.Cut(clean, "/"); !strings.Contains(first, ".") {
		clean = path.Join("<your module>", clean)
	}
	return fmt.Sprintf("correct go_package; or leave the proto as it is, and pass the parameter M%s=%s to every plugin, "+
		"or have buf's managed mode set it (go_package_prefix)", file, clean)
}

// namedPackage is the name of a Go package and the position of the first file in it.
type namedPackage struct {
	name  string
	place diag.Position
}

// neededFiles returns the files to generate and all files they import, ordered by path. It ignores
// "import option", which yields no code.
func neededFiles(request *pluginpb.CodeGeneratorRequest) []*descriptorpb.FileDescriptorProto {
	files := make(map[string]*descriptorpb.FileDescriptorProto)
	for _, f := range request.GetProtoFile() {
		files[f.GetName()] = f
	}
	var needed []*descriptorpb.FileDescriptorProto
	queue := slices.Clone(request.GetFileToGenerate())
	for len(queue) > 0 {
		f := files[queue[0]]
		delete(files, queue[0])
		queue = queue[1:]
		if f != nil {
			needed = append(needed, f)
			queue = append(queue, f.GetDependency()...)
		}
	}
	slices.SortFunc(needed, func(a, b *descriptorpb.FileDescriptorProto) int { return strings.Compare(a.GetName(), b.GetName()) })
	return needed
}

// goPackageOf returns the import path and the name of the Go package of f. The mapping overrides
// the option.
func goPackageOf(f *descriptorpb.FileDescriptorProto, mapping string) (importPath, name string) {
	optionPath, optionName, _ := strings.Cut(f.GetOptions().GetGoPackage(), ";")
	mappedPath, mappedName, _ := strings.Cut(mapping, ";")
	importPath, name = mappedPath, mappedName
	if importPath == "" {
		importPath = optionPath
	}
	if name == "" {
		name = optionName
	}
	if name == "" && optionPath != "" {
		return importPath, cleanName(path.Base(optionPath))
	}
	if name == "" {
		return importPath, cleanName(path.Base(importPath))
	}
	return importPath, name
}

// cleanName converts the last element of an import path to a Go package name, as protoc-gen-go
// does.
func cleanName(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return '_'
	}, s)
	first := []rune(s + "_")[0]
	if token.IsKeyword(s) || !unicode.IsLetter(first) {
		return "_" + s
	}
	return s
}

// goPackagePosition returns the position of go_package in f, or of the file if it is unknown.
func goPackagePosition(f *descriptorpb.FileDescriptorProto) diag.Position {
	for _, loc := range f.GetSourceCodeInfo().GetLocation() {
		if slices.Equal(loc.GetPath(), goPackagePath) && len(loc.GetSpan()) >= 2 {
			return diag.Position{Path: f.GetName(), Line: int(loc.GetSpan()[0]) + 1, Column: int(loc.GetSpan()[1]) + 1}
		}
	}
	return diag.At(f.GetName())
}

// goPackagePath is the source path of options.go_package in a FileDescriptorProto.
var goPackagePath = []int32{8, 11}
