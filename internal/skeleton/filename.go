package skeleton

import (
	"fmt"
	"strings"

	"github.com/grpcservice/grpcservice/internal/golang"
)

// fileNames yields names for a file, the wanted one first. It skips names with a meaning for Go:
// those of tests, of a platform, and those that Go ignores.
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

// isSpecial reports whether the name of a file, without its extension, has a meaning for Go. Go
// reads the part before the first dot and after the first underscore.
func isSpecial(base string) bool {
	stem, _, _ := strings.Cut(base, ".")
	return strings.HasSuffix(base, "_test") || strings.HasSuffix(stem, "_test") || golang.PlatformOf(base) != ""
}

// isIgnoredName reports whether Go ignores a file because of its name.
func isIgnoredName(name string) bool {
	return !strings.HasSuffix(name, ".go") || strings.HasPrefix(name, "_") || strings.HasPrefix(name, ".")
}
