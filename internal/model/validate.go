package model

import (
	"fmt"
	"path"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"

	"github.com/grpcservice/grpcservice/internal/diag"
	"github.com/grpcservice/grpcservice/internal/golang"
)

// checker reports the problems in a request before models are built.
type checker struct {
	*request
	problems diag.List
}

// checkSource reports what would prevent Go from building or importing the code for s.
func (c *checker) checkSource(s source) {
	place := goPackagePosition(s.Proto)
	faults := golang.PackageFaults(string(s.GoPackageName), string(s.GoImportPath))
	for _, fault := range faults {
		c.problems.Errorf(place, "%s; %s", fault, packageAdvice(s.File))
	}
	if fault := golang.CharactersFault(s.Desc.Path()); fault != "" {
		c.problems.Errorf(diag.At(fmt.Sprintf("%q", s.Desc.Path())), "the path %s; rename the proto file", fault)
	} else if fault := golang.FilePathFault(s.service.File); fault != "" && len(faults) == 0 {
		c.problems.Errorf(diag.At(s.Desc.Path()), "its services would be in %q, which %s; move the proto file", s.service.File, fault)
	} else if fault := golang.FileNameFault(path.Base(s.GeneratedFilenamePrefix)); fault != "" {
		c.problems.Errorf(diag.At(s.Desc.Path()), "%s; rename the proto file", fault)
	}
	if !golang.MayImport(s.service.Path, string(s.GoImportPath)) {
		c.problems.Errorf(place, "its messages are in the Go package %q, which is internal, and so its services, which would be "+
			"in %q, cannot import it; set import_path=<a path below %s>, or correct go_package",
			string(s.GoImportPath), s.service.Path, golang.InternalTo(string(s.GoImportPath)))
	}
	for _, out := range []Output{s.service, s.test, s.adapters} {
		if other, taken := c.packages[protogen.GoImportPath(out.Path)]; taken {
			c.problems.Errorf(place, "its services would be in the Go package %q, which has the messages of %s; set package_suffix",
				out.Path, other.first)
		}
	}
}

// checkMessageFile warns about a file without services that Go would not build on every platform.
// Where Go does not build it, its messages are missing without an error.
func (c *checker) checkMessageFile(f *protogen.File) {
	if fault := golang.FileNameFault(path.Base(f.GeneratedFilenamePrefix)); fault != "" {
		c.problems.Warnf(diag.At(f.Desc.Path()), "%s; rename the proto file", fault)
	}
}

// packageAdvice returns how to correct the Go package of a file.
func packageAdvice(f *protogen.File) string {
	importPath := string(f.GoImportPath)
	for element := range strings.SplitSeq(importPath, "/") {
		if element == "." || element == ".." {
			return goPackageAdvice(f.Desc.Path(), importPath)
		}
	}
	return "correct go_package"
}

// checkMethodName reports an RPC whose Go name an earlier RPC of its service has. The earlier RPCs
// are in seen.
func (c *checker) checkMethodName(seen map[string]*protogen.Method, m *protogen.Method) {
	other, taken := seen[m.GoName]
	if !taken {
		seen[m.GoName] = m
		return
	}
	c.problems.Errorf(atRPC(m), "its Go name %s is also that of rpc %s (%s); rename one of them",
		m.GoName, other.Desc.Name(), positionOf(other.Desc))
}

// checkOutputs reports files that would be written to the same path. It ignores letter case, as
// some file systems do.
func (c *checker) checkOutputs() {
	writers := make(map[string]source)
	for _, s := range c.sources {
		for _, file := range s.files() {
			key := strings.ToLower(file)
			other, taken := writers[key]
			if !taken {
				writers[key] = s
				continue
			}
			c.problems.Errorf(diag.At(s.Desc.Path()), "its services would be in %q, like those of %s; rename one of them, "+
				"or give them different Go packages", file, other.Desc.Path())
			break
		}
	}
}

// importOf is a Go package that the code for a file imports.
type importOf struct {
	file *protogen.File
	path protogen.GoImportPath
}

// checkImports reports the packages that generated code cannot import. It reports each package of a
// file once, at the first RPC that uses it.
func checkImports(r *request, all []imported) (problems diag.List) {
	checked := make(map[importOf]bool)
	for _, i := range all {
		path := i.id.GoImportPath
		key := importOf{i.source.File, path}
		if checked[key] {
			continue
		}
		checked[key] = true
		file := i.desc.ParentFile().Path()
		for _, fault := range golang.PackageFaults(r.packages[path].name, string(path)) {
			problems.Errorf(atRPC(i.method), "it needs %s of %s, but %s; %s",
				i.desc.FullName(), file, fault, packageAdvice(r.files[file]))
		}
	}
	return problems
}
