package model

import (
	"fmt"
	"path"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/internal/diag"
	"github.com/grpcservice/grpcservice/internal/golang"
)

// checkSource reports what would keep Go from building the code for s, or from importing it.
func (b *builder) checkSource(s source) {
	place := goPackagePosition(s.Proto)
	faults := golang.PackageFaults(string(s.GoPackageName), string(s.GoImportPath))
	for _, fault := range faults {
		b.problems.Errorf(place, "%s; %s", fault, packageAdvice(s.File))
	}
	if fault := golang.CharactersFault(s.Desc.Path()); fault != "" {
		b.problems.Errorf(diag.At(fmt.Sprintf("%q", s.Desc.Path())), "the path %s; rename the proto file", fault)
	} else if fault := golang.FilePathFault(s.service.File); fault != "" && len(faults) == 0 {
		b.problems.Errorf(diag.At(s.Desc.Path()), "its services would go to %q, which %s; move the proto file", s.service.File, fault)
	} else if fault := golang.FileNameFault(path.Base(s.GeneratedFilenamePrefix)); fault != "" {
		b.problems.Errorf(diag.At(s.Desc.Path()), "%s; rename the proto file", fault)
	}
	if !golang.MayImport(s.service.Path, string(s.GoImportPath)) {
		b.problems.Errorf(place, "its messages are in the Go package %q, which is internal, and so its services, which would be "+
			"in %q, cannot import it; set import_path=<a path below %s>, or correct go_package",
			string(s.GoImportPath), s.service.Path, golang.InternalTo(string(s.GoImportPath)))
	}
	for _, out := range []Output{s.service, s.test} {
		if other, taken := b.packages[protogen.GoImportPath(out.Path)]; taken {
			b.problems.Errorf(place, "its services would go to the Go package %q, which has the messages of %s; set package_suffix",
				out.Path, other.first)
		}
	}
}

// checkMessageFile warns of a file without services that Go would not build everywhere: its messages are lost without a word.
func (b *builder) checkMessageFile(f *protogen.File) {
	if fault := golang.FileNameFault(path.Base(f.GeneratedFilenamePrefix)); fault != "" {
		b.problems.Warnf(diag.At(f.Desc.Path()), "%s; rename the proto file", fault)
	}
}

// checkImport reports a message or an enum of m that the generated code cannot import, unless an RPC of the file before it had
// one of the same package.
func (b *builder) checkImport(s source, m *protogen.Method, id protogen.GoIdent, desc protoreflect.Descriptor) {
	p := id.GoImportPath
	if p == s.GoImportPath || b.checked[importOf{s.File, p}] {
		return
	}
	b.checked[importOf{s.File, p}] = true
	for _, fault := range golang.PackageFaults(b.packages[p].name, string(p)) {
		b.problems.Errorf(atRPC(m), "it needs %s of %s, but %s; %s",
			desc.FullName(), desc.ParentFile().Path(), fault, packageAdvice(b.files[desc.ParentFile().Path()]))
	}
}

// packageAdvice says what to do about the Go package of a file.
func packageAdvice(f *protogen.File) string {
	importPath := string(f.GoImportPath)
	for element := range strings.SplitSeq(importPath, "/") {
		if element == "." || element == ".." {
			return goPackageAdvice(f.Desc.Path(), importPath)
		}
	}
	return "correct go_package"
}

// importOf is a Go package that the code for a file imports.
type importOf struct {
	file *protogen.File
	path protogen.GoImportPath
}
