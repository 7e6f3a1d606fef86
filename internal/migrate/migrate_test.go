package migrate

import (
	"bytes"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
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
	files, err := readFiles(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]string)
	for _, f := range files {
		all[f.path] = f.text
	}
	return all
}

// TestUnified compares diffs of random texts with what git makes of them.
func TestUnified(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	dir := t.TempDir()
	for i := range 60 {
		before := randomText(random, 30)
		after := mutate(random, before)
		if before == "" || after == "" || before == after {
			continue
		}
		name := fmt.Sprintf("f%d.go", i)
		if err := os.WriteFile(filepath.Join(dir, name), []byte(before), 0o600); err != nil {
			t.Fatal(err)
		}
		apply(t, dir, unified(name, before, after))
		got, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != after {
			t.Fatalf("%q became %q, want %q, by\n%s", before, got, after, unified(name, before, after))
		}
	}
}

func randomText(random *rand.Rand, maximum int) string {
	var text strings.Builder
	for range 1 + random.IntN(maximum) {
		fmt.Fprintf(&text, "%c\n", 'a'+random.IntN(4))
	}
	return strings.TrimSuffix(text.String(), strings.Repeat("\n", random.IntN(2)))
}

// mutate replaces, inserts and removes lines.
func mutate(random *rand.Rand, text string) string {
	all := lines(text)
	for range 1 + random.IntN(4) {
		at := random.IntN(len(all) + 1)
		switch random.IntN(3) {
		case 0:
			all = append(all[:at:at], append([]string{"new\n"}, all[at:]...)...)
		default:
			if at < len(all) {
				all = append(all[:at:at], all[at+1:]...)
			}
		}
		for i := range len(all) - 1 {
			all[i] = strings.TrimSuffix(all[i], "\n") + "\n"
		}
	}
	return strings.Join(all, "")
}

// TestBadArguments checks the errors of the command.
func TestBadArguments(t *testing.T) {
	for _, test := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"--all"}, exitMisused, "migrate: flag provided but not defined: -all; want [DIR] [--write]\n"},
		{[]string{"a", "b"}, exitMisused, "migrate: more than one directory, [\"b\"]; want [DIR] [--write]\n"},
		{[]string{"testdata/none"}, exitFailed, "migrate: testdata/none: stat .: no such file or directory\n"},
		{[]string{"--help"}, exitDone, help},
	} {
		var out bytes.Buffer
		if code := Run(Env{Args: test.args, Stdout: &out, Stderr: &out}); code != test.code || out.String() != test.want {
			t.Errorf("%q: code %d, %q; want %d, %q", test.args, code, out.String(), test.code, test.want)
		}
	}
}
