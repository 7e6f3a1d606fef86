package golang

import (
	"go/build"
	"io"
	"os/exec"
	"strings"
	"testing"
)

// TestPlatformOf compares PlatformOf with go/build, which matches files for a platform that does
// not exist.
func TestPlatformOf(t *testing.T) {
	nowhere := build.Default
	nowhere.GOOS, nowhere.GOARCH = "nowhere", "nothing"
	nowhere.OpenFile = func(string) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("package p\n")), nil }

	out, err := exec.Command("go", "tool", "dist", "list").Output()
	if err != nil {
		t.Fatal(err)
	}
	bases := []string{"users", "linux", "users_service", "users_test", "users_unix", "a_windows_b", "windows_users", "users_Windows", "a_", "a__", "a_test_test"}
	words := []string{"386", "nacl", "hurd", "amd64p32", "sparc64", "zos", "test", "nowhere"}
	for platform := range strings.FieldsSeq(string(out)) {
		system, arch, _ := strings.Cut(platform, "/")
		words = append(words, system, arch)
	}
	for _, word := range words {
		for _, other := range words {
			bases = append(bases, "a_"+word+"_"+other)
		}
		bases = append(bases, "a_"+word, "a_"+word+"_test", "a_"+word+".b", "a.b_"+word, word, "a_b_"+word)
	}
	for _, base := range bases {
		built, err := nowhere.MatchFile("/dir", base+".grpcservice.go")
		if err != nil {
			t.Fatal(err)
		}
		if ending := PlatformOf(base); (ending == "") != built || !strings.Contains(base, ending) {
			t.Errorf("PlatformOf(%q) = %q, but go/build would build it: %t", base, ending, built)
		}
	}
}

func TestFileNameFault(t *testing.T) {
	for base, want := range map[string]string{
		"users": "", "Users.v1": "", "1st": "", "größe": "", "ö": "", "a b": "",
		"": "no name", ".": "no name", "..": "no name",
		"_users": "ignores", ".users": "ignores", "-users": "rejects", "+users": "rejects", "@": "rejects",
		"users_linux": `"_linux"`, "users_linux_arm64_test.x": `"_linux_arm64_test"`,
	} {
		if got := FileNameFault(base); !strings.Contains(got, want) || (want == "") != (got == "") {
			t.Errorf("FileNameFault(%q) = %q, want …%q…", base, got, want)
		}
	}
}

func TestImportPathFault(t *testing.T) {
	for path, want := range map[string]string{
		"example.com/a/v1": "", "a.b": "", "example.com/A-b_c~d+e.f": "", "example.com/auxiliary": "", "example.com/.a": "",
		"": "empty element", "/a": "empty element", "a/": "empty element", "a//b": "empty element",
		"./a": `element "."`, "a/../b": `element ".."`, "..": `element ".."`, "a./b": "ends with a dot", "a/...": "ends with a dot",
		"-a/b": "hyphen", "a b": "holds ' '", "a\nb": `holds '\n'`, "a\\b": `holds '\\'`, `a"b`: `holds '"'`, "a:b": "holds ':'",
		"größe/x": "holds 'ö'", "a/\x00": "holds", "a/con": "Windows", "a/Con.x/b": "Windows", "a/lpt1": "Windows", "a/\xff": "holds",
	} {
		if got := ImportPathFault(path); !strings.Contains(got, want) || (want == "") != (got == "") {
			t.Errorf("ImportPathFault(%q) = %q, want …%q…", path, got, want)
		}
	}
}

func TestPathFaults(t *testing.T) {
	for path, want := range map[string]string{
		"a/b.go": "", "a b/größe.go": "", "..a/b": "",
		"/a": "absolute", "../a": "leaves", "..": "leaves",
		"a\nb": `holds '\n'`, "a\u202eb": `holds`, "a\u00adb": "holds", "a\u2028b": "holds",
		"c:/a": "holds ':'", `a\b`: "holds", "a\"b": "holds", "a\xffb": "not UTF-8",
	} {
		if got := CharactersFault(path) + FilePathFault(path); !strings.Contains(got, want) || (want == "") != (got == "") {
			t.Errorf("the fault of %q is %q, want …%q…", path, got, want)
		}
	}
}
