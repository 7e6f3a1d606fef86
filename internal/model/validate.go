package model

import (
	"fmt"
	"go/token"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/internal/diag"
)

// checkSource reports what would keep Go from building the code for s, or from importing it.
func (b *builder) checkSource(s source) {
	place := goPackagePosition(s.Proto)
	faults := packageFaults(string(s.GoPackageName), string(s.GoImportPath))
	for _, fault := range faults {
		b.problems.Errorf(place, "%s; %s", fault, packageAdvice(s.File))
	}
	if fault := charactersFault(s.Desc.Path()); fault != "" {
		b.problems.Errorf(diag.At(fmt.Sprintf("%q", s.Desc.Path())), "the path %s; rename the proto file", fault)
	} else if fault := filePathFault(s.service.File); fault != "" && len(faults) == 0 {
		b.problems.Errorf(diag.At(s.Desc.Path()), "its services would go to %q, which %s; move the proto file", s.service.File, fault)
	} else if fault := baseFault(path.Base(s.GeneratedFilenamePrefix)); fault != "" {
		b.problems.Errorf(diag.At(s.Desc.Path()), "%s; rename the proto file", fault)
	}
	if !MayImport(s.service.Path, string(s.GoImportPath)) {
		b.problems.Errorf(place, "its messages are in the Go package %q, which is internal, and so its services, which would be "+
			"in %q, cannot import it; set import_path=<a path below %s>, or correct go_package",
			string(s.GoImportPath), s.service.Path, internalTo(string(s.GoImportPath)))
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
	if fault := baseFault(path.Base(f.GeneratedFilenamePrefix)); fault != "" {
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
	for _, fault := range packageFaults(b.packages[p].name, string(p)) {
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

// packageFaults says what is wrong with a Go package.
func packageFaults(name, importPath string) []string {
	var faults []string
	switch {
	case !token.IsIdentifier(name) || name == "_" || !isASCII(name):
		faults = append(faults, fmt.Sprintf("the Go package name %q is not an identifier of ASCII letters, digits and underscores, or it is a keyword", name))
	case name == "main":
		faults = append(faults, `the Go package name "main" belongs to programs, which cannot be imported`)
	}
	if fault := importPathFault(importPath); fault != "" {
		faults = append(faults, fmt.Sprintf("the Go import path %q %s", importPath, fault))
	}
	return faults
}

// importPathFault says which of the rules of the go command an import path breaks, or nothing.
func importPathFault(importPath string) string {
	for _, r := range importPath {
		if !isASCIILetterOrDigit(r) && !strings.ContainsRune("-._~+/", r) {
			return fmt.Sprintf("holds %q", r)
		}
	}
	if strings.HasPrefix(importPath, "-") {
		return "begins with a hyphen"
	}
	for element := range strings.SplitSeq(importPath, "/") {
		stem, _, _ := strings.Cut(strings.ToLower(element), ".")
		switch {
		case element == "":
			return "has an empty element; it must neither begin nor end with a slash, nor have two in a row"
		case element == "." || element == "..":
			return fmt.Sprintf("has the element %q", element)
		case strings.HasSuffix(element, "."):
			return fmt.Sprintf("has the element %q, which ends with a dot", element)
		case element == "vendor":
			return `has the element "vendor", below which the go command finds packages of other modules only`
		case windowsNames[stem]:
			return fmt.Sprintf("has the element %q, which the go command does not allow, as Windows does not", element)
		}
	}
	return ""
}

// windowsNames are the names of devices, which Windows finds in every folder.
var windowsNames = set("con prn aux nul com1 com2 com3 com4 com5 com6 com7 com8 com9 lpt1 lpt2 lpt3 lpt4 lpt5 lpt6 lpt7 lpt8 lpt9")

// charactersFault says which character a path should not have, or nothing. Paths stand in comments, and in file systems that
// allow less than others.
func charactersFault(file string) string {
	if !utf8.ValidString(file) {
		return "is not UTF-8"
	}
	for _, r := range file {
		if !unicode.IsGraphic(r) || strings.ContainsRune("\"'`*<>?|\\:", r) {
			return fmt.Sprintf("holds %q", r)
		}
	}
	return ""
}

// filePathFault says why no file should be written to a path, or nothing.
func filePathFault(file string) string {
	switch {
	case path.IsAbs(file):
		return "is an absolute path"
	case file == ".." || strings.HasPrefix(file, "../"):
		return "leaves the output folder"
	default:
		return ""
	}
}

// baseFault says why Go would not build a file whose name is base and an extension, or nothing.
func baseFault(base string) string {
	first, _ := utf8.DecodeRuneInString(base)
	switch {
	case base == "" || base == "." || base == "..":
		return "it has no name"
	case first == '_' || first == '.':
		return fmt.Sprintf("Go ignores files whose names start with %q, and so what it declares", first)
	case first < utf8.RuneSelf && !isASCIILetterOrDigit(first):
		return fmt.Sprintf("Go rejects files whose names start with %q, and so what it declares", first)
	}
	if constraint := platformOf(base); constraint != "" {
		return fmt.Sprintf("its name ends in %q, so Go builds what it declares on that platform only", constraint)
	}
	return ""
}

func isASCII(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r >= utf8.RuneSelf }) < 0
}

func isASCIILetterOrDigit(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
}
