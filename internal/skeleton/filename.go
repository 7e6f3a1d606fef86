package skeleton

import (
	"fmt"
	"strings"

	"github.com/grpcservice/grpcservice/internal/golang"
)

// fileNames yields the names that a file may have, the wanted one first: none that Go builds in tests or on some platforms only,
// or not at all.
func fileNames(wanted string) func(yield func(string) bool) {
	base := strings.TrimSuffix(strings.TrimLeft(wanted, "._"), ".go")
	if isSpecial(base) {
		base = strings.ReplaceAll(base, ".", "_")
	}
	return func(yield func(string) bool) {
		if base != "" && !isSpecial(base) && !yield(base+".go") {
			return
		}
		if !yield(base + "_grpc.go") {
			return
		}
		for n := 2; yield(fmt.Sprintf("%s_grpc%d.go", base, n)); n++ {
		}
	}
}

// isSpecial reports whether Go reads more into the name of a file, which is given without its extension. It looks at what is before
// the first dot and behind the first underscore.
func isSpecial(base string) bool {
	stem, _, _ := strings.Cut(base, ".")
	return strings.HasSuffix(base, "_test") || strings.HasSuffix(stem, "_test") || golang.PlatformOf(base) != ""
}

// isIgnoredName reports whether Go leaves out a file for its name.
func isIgnoredName(name string) bool {
	return !strings.HasSuffix(name, ".go") || strings.HasPrefix(name, "_") || strings.HasPrefix(name, ".")
}
