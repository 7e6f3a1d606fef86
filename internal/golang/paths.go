package golang

import (
	"fmt"
	"go/token"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"
)

// PackageFaults returns what is wrong with the name and the import path of a Go package.
func PackageFaults(name, importPath string) []string {
	var faults []string
	switch {
	case !token.IsIdentifier(name) || name == "_" || !isASCII(name):
		faults = append(faults, fmt.Sprintf("the Go package name %q is not an identifier of ASCII letters, digits and underscores, or it is a keyword", name))
	case name == "main":
		faults = append(faults, `the Go package name "main" belongs to programs, which cannot be imported`)
	}
	if fault := ImportPathFault(importPath); fault != "" {
		faults = append(faults, fmt.Sprintf("the Go import path %q %s", importPath, fault))
	}
	return faults
}

// ImportPathFault returns how an import path breaks the rules of the go command, or "".
func ImportPathFault(importPath string) string {
	for _, r := range importPath {
		if !isASCIILetterOrDigit(r) && !strings.ContainsRune("-._~+/", r) {
			return fmt.Sprintf("holds %q", r)
		}
	}
	if strings.HasPrefix(importPath, "-") {
		return "starts with a hyphen"
	}
	for element := range strings.SplitSeq(importPath, "/") {
		stem, _, _ := strings.Cut(strings.ToLower(element), ".")
		switch {
		case element == "":
			return "has an empty element; it must not start or end with a slash, or contain two in a row"
		case element == "." || element == "..":
			return fmt.Sprintf("has the element %q", element)
		case strings.HasSuffix(element, "."):
			return fmt.Sprintf("has the element %q, which ends with a dot", element)
		case element == "vendor":
			return `has the element "vendor", which the go command reserves for packages of other modules`
		case windowsNames[stem]:
			return fmt.Sprintf("has the element %q, which is reserved on Windows, so the go command rejects it", element)
		}
	}
	return ""
}

// windowsNames holds the names of devices, which exist in every directory on Windows.
var windowsNames = set("con prn aux nul com1 com2 com3 com4 com5 com6 com7 com8 com9 lpt1 lpt2 lpt3 lpt4 lpt5 lpt6 lpt7 lpt8 lpt9")

// CharactersFault returns what is wrong with the characters of a path, or "". Paths appear in
// comments, and on file systems that allow fewer characters than others.
func CharactersFault(file string) string {
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

// FilePathFault returns why no file can be written to a path, or "".
func FilePathFault(file string) string {
	switch {
	case path.IsAbs(file):
		return "is an absolute path"
	case file == ".." || strings.HasPrefix(file, "../"):
		return "leaves the output directory"
	default:
		return ""
	}
}

// FileNameFault returns why Go would not build a file on every platform, or "". The file name is
// base followed by an extension.
func FileNameFault(base string) string {
	first, _ := utf8.DecodeRuneInString(base)
	switch {
	case base == "" || base == "." || base == "..":
		return "it has no name"
	case first == '_' || first == '.':
		return fmt.Sprintf("Go ignores files whose names start with %q, and so the generated code", first)
	case first < utf8.RuneSelf && !isASCIILetterOrDigit(first):
		return fmt.Sprintf("Go rejects files whose names start with %q, and so the generated code", first)
	}
	if constraint := PlatformOf(base); constraint != "" {
		return fmt.Sprintf("its name ends in %q, so Go builds the generated code on that platform only", constraint)
	}
	return ""
}

func isASCII(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r >= utf8.RuneSelf }) < 0
}

func isASCIILetterOrDigit(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
}
