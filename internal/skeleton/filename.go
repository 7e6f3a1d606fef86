package skeleton

import (
	"fmt"
	"strings"
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

// isSpecial says whether Go reads more into the name of a file, which is given without its extension. It looks at what is before
// the first dot and behind the first underscore.
func isSpecial(base string) bool {
	if strings.HasSuffix(base, "_test") {
		return true
	}
	base, _, _ = strings.Cut(base, ".")
	words := strings.Split(base, "_")
	last := words[len(words)-1]
	return len(words) > 1 && (last == "test" || platforms[last])
}

// isIgnoredName says whether Go leaves out a file for its name.
func isIgnoredName(name string) bool {
	return !strings.HasSuffix(name, ".go") || strings.HasPrefix(name, "_") || strings.HasPrefix(name, ".")
}

// platforms are the systems and architectures that Go knows from the past, present and future.
var platforms = set("aix android darwin dragonfly freebsd hurd illumos ios js linux nacl netbsd openbsd plan9 solaris wasip1 " +
	"windows zos 386 amd64 amd64p32 arm arm64 arm64be armbe loong64 mips mips64 mips64le mips64p32 mips64p32le mipsle ppc " +
	"ppc64 ppc64le riscv riscv64 s390 s390x sparc sparc64 wasm")

// predeclared are the names that Go declares in every file.
var predeclared = set("any append bool byte cap clear close comparable complex complex128 complex64 copy delete " +
	"error false float32 float64 imag int int16 int32 int64 int8 iota len make max min new nil panic print println real " +
	"recover rune string true uint uint16 uint32 uint64 uint8 uintptr")

// standard are the words that import paths of the standard library begin with. A package that is not known to be of it is taken for
// another's, of which nothing is known.
var standard = set("archive bufio bytes cmp compress container context crypto database debug embed encoding errors expvar flag fmt " +
	"go hash html image index io iter log maps math mime net os path plugin reflect regexp runtime simd slices sort strconv strings " +
	"structs sync syscall testing text time unicode unique unsafe weak C")

// set returns the words of a list as a set.
func set(words string) map[string]bool {
	s := make(map[string]bool)
	for word := range strings.FieldsSeq(words) {
		s[word] = true
	}
	return s
}
