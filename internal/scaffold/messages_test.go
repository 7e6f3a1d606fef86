package scaffold

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestMessages checks that this program generates the same messages as the protoc-gen-go that go.mod
// pins, and that it runs that one if its own version differs.
func TestMessages(t *testing.T) {
	repo := repository{}
	var err error
	if repo.names, err = namesOf("example.com/library", "library.v1.BookService"); err != nil {
		t.Fatal(err)
	}
	pinned := protobufOf(t)
	generate := func(linked string) string {
		s := stage{repository: repo, dir: t.TempDir(), log: io.Discard, protobuf: linked}
		mod := "module example.com/library\n\ngo 1.25.0\n\ntool " + protobufModule + "/cmd/protoc-gen-go\n\nrequire " +
			protobufModule + " " + pinned + "\n"
		sum, err := os.ReadFile("../../go.sum")
		if err != nil {
			t.Fatal(err)
		}
		for file, content := range map[string]string{"go.mod": mod, "go.sum": string(sum)} {
			if err := s.write(file, []byte(content)); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.generateMessages(t.Context()); err != nil {
			t.Fatal(err)
		}
		code, err := os.ReadFile(filepath.Join(s.dir, "gen", "library", "v1", "book_service.pb.go"))
		if err != nil {
			t.Fatal(err)
		}
		return string(code)
	}
	own, other := generate(pinned), generate("v0.0.1")
	if own != other {
		t.Errorf("in this process:\n%s\ngo tool protoc-gen-go:\n%s", own, other)
	}
	if !strings.Contains(own, "protoc-gen-go "+pinned) {
		t.Errorf("the code does not name protoc-gen-go %s:\n%s", pinned, own)
	}
}

// protobufOf returns the version of protobuf in the go.mod of this repository.
func protobufOf(t *testing.T) string {
	t.Helper()
	mod, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(mod), protobufModule+" ")
	version, _, _ := strings.Cut(after, "\n")
	return strings.TrimSpace(version)
}
