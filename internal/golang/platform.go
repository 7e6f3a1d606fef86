package golang

import "strings"

// PlatformOf returns the suffix that restricts a file of this name to some platforms, or "". Like
// Go, it considers only the part of base before the first dot and after the first underscore, and
// ignores a trailing "_test".
func PlatformOf(base string) string {
	name, _, _ := strings.Cut(base, ".")
	_, name, found := strings.Cut(name, "_")
	if !found {
		return ""
	}
	words := strings.Split(name, "_")
	end := len(words)
	if words[end-1] == "test" {
		end--
	}
	switch {
	case end >= 2 && goSystems[words[end-2]] && goArchitectures[words[end-1]]:
		return "_" + strings.Join(words[end-2:], "_")
	case end >= 1 && (goSystems[words[end-1]] || goArchitectures[words[end-1]]):
		return "_" + strings.Join(words[end-1:], "_")
	default:
		return ""
	}
}

// The operating systems and architectures that Go knows: past, present and future.
var (
	goSystems = set("aix android darwin dragonfly freebsd hurd illumos ios js linux nacl netbsd openbsd plan9 solaris " +
		"wasip1 windows zos")
	goArchitectures = set("386 amd64 amd64p32 arm arm64 arm64be armbe loong64 mips mips64 mips64le mips64p32 mips64p32le " +
		"mipsle ppc ppc64 ppc64le riscv riscv64 s390 s390x sparc sparc64 wasm")
)
