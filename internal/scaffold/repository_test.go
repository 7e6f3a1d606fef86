package scaffold

import (
	"go/parser"
	"go/token"
	"io"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
)

// TestStarter makes repositories up to where the go command would run, and checks that all files
// are complete.
func TestStarter(t *testing.T) {
	for name, flags := range map[string]repository{
		"plain": {}, "deploy": {Deploy: true}, "postgres": {Postgres: true}, "all": {Postgres: true, Deploy: true},
	} {
		t.Run(name, func(t *testing.T) {
			files := starter(t, flags)
			for file, content := range files {
				checkFile(t, file, content)
			}
			for file, want := range map[string]bool{
				"deploy/Dockerfile": true, "deploy/kubernetes/deployment.yaml": flags.Deploy, "compose.yaml": flags.Postgres,
				"internal/database/schema.sql": flags.Postgres, "third_party/grpcservice/v1/options.proto": true,
				"gen/library/v1/libraryv1servicetest/book_service.grpcservice.go": true, "cmd/server/telemetry.go": true,
			} {
				if _, has := files[file]; has != want {
					t.Errorf("has %s: %t, want %t", file, has, want)
				}
			}
			for file, text := range map[string]string{"cmd/server/main.go": "DATABASE_URL", "deploy/kubernetes/deployment.yaml": "library-database"} {
				if content, has := files[file]; has && strings.Contains(content, text) != flags.Postgres {
					t.Errorf("%s has %s: %t, want %t", file, text, !flags.Postgres, flags.Postgres)
				}
			}
			if main := files["cmd/server/main.go"]; strings.Contains(main, "TODO") || !strings.Contains(main, "server.WithReflection()") {
				t.Errorf("cmd/server/main.go:\n%s", main)
			}
			checkEnvironment(t, files["cmd/server/main.go"])
		})
	}
}

// checkEnvironment checks that the package comment of a program lists the environment variables that
// the program reads, and no others.
func checkEnvironment(t *testing.T, program string) {
	t.Helper()
	names := func(expression string) []string {
		var all []string
		for _, match := range regexp.MustCompile(expression).FindAllStringSubmatch(program, -1) {
			all = append(all, match[1])
		}
		slices.Sort(all)
		return slices.Compact(all)
	}
	reads, lists := names(`(?m)^[^/\n]*getenv\("(\w+)"\)`), names(`(?m)^//\t(\w+) `)
	if len(reads) == 0 || !slices.Equal(reads, lists) {
		t.Errorf("main.go reads %q, and its package comment lists %q", reads, lists)
	}
}

// starter makes a repository without the steps that need the go command.
func starter(t *testing.T, flags repository) map[string]string {
	t.Helper()
	var err error
	if flags.names, err = namesOf("example.com/library", "library.v1.BookService"); err != nil {
		t.Fatal(err)
	}
	flags.Version = "v0.1.0"
	s := stage{repository: flags, dir: t.TempDir(), log: io.Discard}
	for _, step := range s.steps()[:5] {
		if err := step(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	_, contents, err := s.files()
	if err != nil {
		t.Fatal(err)
	}
	files := make(map[string]string)
	for file, content := range contents {
		files[file] = string(content)
	}
	return files
}

// checkFile checks the syntax of a file, and that nothing of its template is left.
func checkFile(t *testing.T, file, content string) {
	t.Helper()
	zz := strings.Contains(content, "zz") && file != "third_party/grpcservice/v1/options.proto" && file != "tools/go.sum"
	if strings.ContainsAny(content, "«»\r") || zz {
		t.Errorf("%s:\n%s", file, content)
	}
	if !strings.HasSuffix(content, "\n") || strings.Contains(content, "\n\n\n") {
		t.Errorf("%s does not end in one line end, or has two empty lines:\n%s", file, content)
	}
	var err error
	switch path.Ext(file) {
	case ".go":
		_, err = parser.ParseFile(token.NewFileSet(), file, content, parser.SkipObjectResolution)
	case ".yaml", ".yml":
		var document any
		if !strings.Contains(content, "\n---\n") {
			err = yaml.Unmarshal([]byte(content), &document)
		}
	}
	if err != nil {
		t.Errorf("%s: %v", file, err)
	}
}

// TestBufVersion checks that new repositories get the buf that this one tests with.
func TestBufVersion(t *testing.T) {
	const requirement = "github.com/bufbuild/buf v"
	var versions []string
	for _, file := range []string{"../../tools/go.mod", "files/common/tools/go.mod.tmpl"} {
		mod, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, after, _ := strings.Cut(string(mod), requirement)
		versions = append(versions, strings.Fields(after + " -")[0])
	}
	if versions[0] != versions[1] {
		t.Errorf("tools/go.mod requires buf v%s, and new repositories v%s; change files/common/tools, "+
			"whose go.mod and go.sum are what go mod tidy writes", versions[0], versions[1])
	}
}

// TestWriteAll checks that nothing is left if a file cannot be written.
func TestWriteAll(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "repository")
	paths := []string{"a/b/one", "a/two", "three"}
	contents := map[string][]byte{"a/b/one": []byte("1"), "a/two": []byte("2"), "three": []byte("3")}
	if err := checkFree(dir, paths); err != nil {
		t.Fatal(err)
	}
	if err := writeAll(dir, paths, contents); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(dir, "a", "b", "one")); err != nil || string(got) != "1" {
		t.Errorf("got %q, %v", got, err)
	}
	err := checkFree(dir, []string{"a/b/one", "a/two/below", "four", "a/b"})
	if err == nil || !strings.Contains(err.Error(), " has a/b/one, a/two, a/b; move them away") {
		t.Errorf("got %v", err)
	}

	// A file that appears after the check.
	other := filepath.Join(t.TempDir(), "other")
	if err := os.MkdirAll(other, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(other, "three"), []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := writeAll(other, paths, contents); err == nil {
		t.Error("a file was overwritten")
	}
	entries, err := os.ReadDir(other)
	if err != nil || len(entries) != 1 {
		t.Errorf("after the error there is %v, %v; want only the file that was there", entries, err)
	}
	if got, err := os.ReadFile(filepath.Join(other, "three")); err != nil || string(got) != "mine" {
		t.Errorf("the file that was there has %q, %v", got, err)
	}
}

// TestNoDirectory checks a DIR that is a file, or a link that leads nowhere.
func TestNoDirectory(t *testing.T) {
	dir := t.TempDir()
	file, link := filepath.Join(dir, "file"), filepath.Join(dir, "link")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(dir, "nowhere"), link); err != nil {
		t.Skip(err) // Windows may not permit links
	}
	for _, name := range []string{file, link} {
		if err := checkFree(name, []string{"a/b"}); err == nil || err.Error() != name+" is not a directory; name another" {
			t.Errorf("got %v", err)
		}
	}
}

func TestQuoted(t *testing.T) {
	for dir, want := range map[string]string{
		"library": "library", "a/b": "a/b", "with space": "'with space'", "-d": "./-d", "it's": `'it'\''s'`, "$HOME": "'$HOME'", "größe": "größe",
	} {
		if got := quoted(dir); got != want {
			t.Errorf("%s becomes %s, want %s", dir, got, want)
		}
	}
}

func TestArguments(t *testing.T) {
	for _, tt := range []struct {
		args []string
		want options
		err  string
	}{
		{[]string{}, options{dir: "."}, ""},
		{[]string{"a", "--module", "m", "--service=s", "--deploy"}, options{dir: "a", module: "m", service: "s", deploy: true}, ""},
		{[]string{"--module", "m", "a", "--postgres"}, options{dir: "a", module: "m", postgres: true}, ""},
		{[]string{"a", "b"}, options{}, "name one"},
		{[]string{"--moduel", "m"}, options{}, "-moduel; want [DIR] --module PATH"},
	} {
		got, err := parse(slices.Clone(tt.args))
		if tt.err == "" && (err != nil || got != tt.want) || tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
			t.Errorf("%q: got %+v, %v; want %+v, %q", tt.args, got, err, tt.want, tt.err)
		}
	}
}
