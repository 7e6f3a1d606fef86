package migrate

import (
	"bytes"
	"flag"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite what the golden tests want")

// TestRun runs the command on each directory of testdata, and compares what it prints with the
// file want. With --write, git apply and a second run must find the same.
func TestRun(t *testing.T) {
	dirs, err := filepath.Glob("testdata/*/go.mod.txt")
	if err != nil || len(dirs) == 0 {
		t.Fatalf("there are no cases: %v", err)
	}
	for _, mod := range dirs {
		dir := filepath.Dir(mod)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			written, applied := copyOf(t, dir), copyOf(t, dir)
			diff := run(t, applied)
			want := filepath.Join(dir, "want")
			if *update {
				if err := os.WriteFile(want, []byte(diff), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			golden, err := os.ReadFile(want)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(string(golden), diff); d != "" {
				t.Errorf("run go test ./internal/migrate -update if that is right (-want +got):\n%s", d)
			}
			run(t, written, "--write")
			if strings.HasPrefix(diff, "---") {
				apply(t, applied, patchOf(diff))
			}
			if d := cmp.Diff(read(t, applied), read(t, written)); d != "" {
				t.Errorf("git apply gives another result than --write (-git +write):\n%s", d)
			}
			if again := run(t, written); strings.Contains(again, "@@") {
				t.Errorf("a second run would change\n%s", again)
			}
		})
	}
}

// patchOf returns the lines of the diff in what the command prints.
func patchOf(printed string) string {
	var patch strings.Builder
	for line := range strings.Lines(printed) {
		if strings.HasPrefix(line, "--- ") || strings.HasPrefix(line, "+++ ") || strings.ContainsRune("@ +-\\", rune(line[0])) {
			patch.WriteString(line)
		}
	}
	return patch.String()
}

// copyOf copies a case to a directory of its own. The names of its files end in .txt, so that no
// tool takes them for Go files of this module.
func copyOf(t *testing.T, dir string) string {
	t.Helper()
	to := t.TempDir()
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(to, func(name string, _ fs.DirEntry, err error) error {
		if plain, is := strings.CutSuffix(name, ".txt"); is {
			return os.Rename(name, plain)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return to
}

func run(t *testing.T, dir string, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	if code := Run(Env{Args: append([]string{dir}, args...), Stdout: &out, Stderr: &out}); code != exitDone {
		t.Errorf("the exit code is %d", code)
	}
	return out.String()
}

// apply applies a patch as git does.
func apply(t *testing.T, dir, patch string) {
	t.Helper()
	cmd := exec.Command("git", "apply", "--unsafe-paths", "--directory=.", "-")
	cmd.Dir, cmd.Stdin = dir, strings.NewReader(patch)
	cmd.Env = append(os.Environ(), "GIT_CEILING_DIRECTORIES="+filepath.Dir(dir))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("git apply: %v\n%s\n%s", err, out, patch)
	}
}

// read returns the files of a directory.
func read(t *testing.T, dir string) map[string]string {
	t.Helper()
	files, _, err := readFiles(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]string)
	for _, f := range files {
		all[f.path] = f.text
	}
	return all
}

// TestReadOnly checks that a file that cannot be written keeps all others from being written.
func TestReadOnly(t *testing.T) {
	dir := copyOf(t, "testdata/traps")
	before := read(t, dir)
	if err := os.Chmod(filepath.Join(dir, "cmd/e/main.go"), 0o444); err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	code := Run(Env{Args: []string{dir, "--write"}, Stdout: &stdout, Stderr: &stderr})
	if want := "cmd/e/main.go is read-only; make it writable; 0 of 6 files were written\n"; code != exitFailed || !strings.HasSuffix(filepath.ToSlash(stderr.String()), want) {
		t.Errorf("code %d, %q; want %d, ...%q", code, stderr.String(), exitFailed, want)
	}
	if d := cmp.Diff(before, read(t, dir)); d != "" {
		t.Errorf("files were written (-before +after):\n%s", d)
	}
	_ = filepath.WalkDir(dir, func(name string, _ fs.DirEntry, _ error) error {
		if strings.HasPrefix(filepath.Base(name), ".migrate-") {
			t.Errorf("%s is left", name)
		}
		return nil
	})
}

// TestSecondRun checks that a moved program has nothing left to move.
func TestSecondRun(t *testing.T) {
	dir := copyOf(t, "testdata/unformatted")
	run(t, dir, "--write")
	if got, want := run(t, dir), summary(0, 0)+"\n"; got != want {
		t.Errorf("the second run prints %q, want %q", got, want)
	}
}

// TestBadArguments checks the errors of the command.
func TestBadArguments(t *testing.T) {
	for _, test := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"--all"}, exitMisused, "migrate: flag provided but not defined: -all; want [DIR] [--write]\n"},
		{[]string{"a", "b"}, exitMisused, "migrate: 2 directories [\"a\" \"b\"]; name one; want [DIR] [--write]\n"},
		{[]string{"testdata/none"}, exitFailed, "migrate: testdata/none: stat .: no such file or directory\n"},
		{[]string{"--help"}, exitDone, help},
	} {
		var out bytes.Buffer
		if code := Run(Env{Args: test.args, Stdout: &out, Stderr: &out}); code != test.code || out.String() != test.want {
			t.Errorf("%q: code %d, %q; want %d, %q", test.args, code, out.String(), test.code, test.want)
		}
	}
}

// TestModuleCache checks that a package in the module cache is read.
func TestModuleCache(t *testing.T) {
	cache := t.TempDir()
	t.Setenv("GOMODCACHE", cache)
	dir := filepath.Join(cache, "example.com", "!upper", "api@v1.2.3", "v1")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	const code = "// Code generated by protoc-gen-go. DO NOT EDIT.\npackage api\nfunc RegisterOldServiceServer(s *grpc.Server, x any) {}\n"
	if err := os.WriteFile(filepath.Join(dir, "api.pb.go"), []byte(code), 0o600); err != nil {
		t.Fatal(err)
	}
	const want = "cmd/f/main.go:12:2: upper.RegisterOldServiceServer takes a *grpc.Server;"
	if got := run(t, copyOf(t, "testdata/traps")); !strings.Contains(got, want) {
		t.Errorf("it prints\n%s\nwant %q", got, want)
	}
}

// TestWorkspace checks that a package of another module of the go.work is read.
func TestWorkspace(t *testing.T) {
	t.Setenv("GOWORK", "")
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.work":         "go 1.24.0\n\nuse (\n\t./api\n\t./service\n)\n",
		"api/go.mod":      "module example.com/api\n\ngo 1.24.0\n",
		"api/v1/a.pb.go":  "// Code generated by protoc-gen-go. DO NOT EDIT.\npackage v1\nfunc RegisterOldServiceServer(s *grpc.Server, x any) {}\n",
		"service/go.mod":  "module example.com/service\n\ngo 1.24.0\n",
		"service/main.go": "package main\n\nimport (\n\tapi \"example.com/api/v1\"\n\t\"google.golang.org/grpc\"\n)\n\nfunc main() {\n\ts := grpc.NewServer()\n\tapi.RegisterOldServiceServer(s, nil)\n}\n",
	} {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const want = "main.go:10:2: api.RegisterOldServiceServer takes a *grpc.Server; "
	if got := run(t, filepath.Join(dir, "service")); !strings.HasPrefix(got, want) {
		t.Errorf("it prints\n%s\nwant %q", got, want)
	}
}

// TestUnknownPackages checks that a registration whose declaration is not on the disk is moved, and
// that the assumption behind it is reported once for each package.
func TestUnknownPackages(t *testing.T) {
	const code = "package main\n\nimport (\n\tapi \"example.com/api/v1\"\n\t\"google.golang.org/grpc\"\n)\n\n" +
		"func main() {\n\ts := grpc.NewServer()\n\tapi.RegisterAServer(s, nil)\n\tapi.RegisterBServer(s, nil)\n" +
		"\tRegisterCServer(s, nil)\n}\n\nfunc register(s *grpc.Server) { api.RegisterAServer(s, nil) }\n"
	dir := t.TempDir()
	for name, text := range map[string]string{"go.mod": "module example.com/m\n", "main.go": code} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const assumed = " is assumed to take a grpc.ServiceRegistrar, because its declaration was not found"
	const remedy = "; generate or download its package, and check that the program builds\n"
	got := run(t, dir)
	for _, want := range []string{
		"\nmain.go:10:2: api.RegisterAServer" + assumed + " in package example.com/api/v1" + remedy,
		"\nmain.go:12:2: RegisterCServer" + assumed + remedy,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("it prints\n%s\nwant %q", got, want)
		}
	}
	if n := strings.Count(got, assumed); n != 2 {
		t.Errorf("it prints %d assumptions, want 2:\n%s", n, got)
	}
}

// TestLinks checks that symbolic links to Go files and to directories are reported.
func TestLinks(t *testing.T) {
	dir, elsewhere := copyOf(t, "testdata/nothing"), copyOf(t, "testdata/unformatted")
	if err := os.Mkdir(filepath.Join(dir, "cmd"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(elsewhere, "part"), 0o755); err != nil {
		t.Fatal(err)
	}
	for link, target := range map[string]string{
		"cmd/main.go": "main.go", "part": "part", "text": "none", "vendor": "part", "module": ".",
	} {
		if err := os.Symlink(filepath.Join(elsewhere, target), filepath.Join(dir, filepath.FromSlash(link))); err != nil {
			t.Skip(err) // Windows needs a privilege
		}
	}
	const want = "cmd/main.go: this symbolic link is not followed; run migrate in the directory of the " +
		"file that it leads to\n" +
		"part: this symbolic link is not followed; run migrate in the directory that it leads to\n" +
		"nothing can be changed for you\n"
	if got := run(t, dir); got != want {
		t.Errorf("it prints\n%s\nwant\n%s", got, want)
	}
	if d := cmp.Diff(read(t, copyOf(t, "testdata/unformatted")), read(t, elsewhere)); d != "" {
		t.Errorf("files behind links changed (-before +after):\n%s", d)
	}
}
