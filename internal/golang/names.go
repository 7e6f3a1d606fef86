package golang

import (
	"go/token"
	"maps"
	"path"
	"slices"
	"strings"
)

// PackageName returns the name of the package in a directory.
func PackageName(dir string) string {
	name := strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' || '0' <= r && r <= '9' {
			return r
		}
		return -1
	}, strings.ToLower(path.Base(dir)))
	if name == "" || name == "main" || name == "init" || '0' <= name[0] && name[0] <= '9' || token.IsKeyword(name) || IsPredeclared(name) {
		return "pkg" + name
	}
	return name
}

// IsPredeclared reports whether name is a predeclared identifier.
func IsPredeclared(name string) bool { return predeclared[name] }

// Predeclared returns the predeclared identifiers, sorted.
func Predeclared() []string { return slices.Sorted(maps.Keys(predeclared)) }

var predeclared = set("any append bool byte cap clear close comparable complex complex128 complex64 copy delete " +
	"error false float32 float64 imag int int16 int32 int64 int8 iota len make max min new nil panic print println real " +
	"recover rune string true uint uint16 uint32 uint64 uint8 uintptr")

// MayBeStandard reports whether the first element of an import path is one of the standard library.
// A user's module may have such a path too.
func MayBeStandard(importPath string) bool {
	first, _, _ := strings.Cut(importPath, "/")
	return standard[first]
}

// standard holds the first elements of the import paths of the standard library.
var standard = set("archive bufio bytes cmp compress container context crypto database debug embed encoding errors expvar flag fmt " +
	"go hash html image index io iter log maps math mime net os path plugin reflect regexp runtime simd slices sort strconv strings " +
	"structs sync syscall testing text time unicode unique unsafe weak C")

// set returns the words of a space-separated list as a set.
func set(words string) map[string]bool {
	s := make(map[string]bool)
	for word := range strings.FieldsSeq(words) {
		s[word] = true
	}
	return s
}
