package doctor_test

import (
	"bytes"
	"errors"
	"flag"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/grpcservice/grpcservice/internal/doctor"
)

var update = flag.Bool("update", false, "write what the cases of testdata want")

// TestFindings runs the doctor on each case of testdata: the files of sound.txt, with those of the
// case instead or besides. A file named with a - is removed, and one named with ../ is beside the
// directory, which is called here. The file programs has what programs
// print, and the file want what the doctor does.
func TestFindings(t *testing.T) {
	cases, err := filepath.Glob("testdata/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	sound := readCase(t, "testdata/sound.txt")
	for _, file := range cases {
		name := strings.TrimSuffix(filepath.Base(file), ".txt")
		t.Run(name, func(t *testing.T) {
			files := maps.Clone(sound)
			own := readCase(t, file)
			maps.Copy(files, own)
			for path := range own {
				if gone, ok := strings.CutPrefix(path, "-"); ok {
					delete(files, gone)
					delete(files, path)
				}
			}
			got := examine(t, files)
			if *update {
				writeWant(t, file, got)
				return
			}
			if diff := cmp.Diff(files["want"], got); diff != "" {
				t.Errorf("the findings differ (-want +got); if they are right, run go test -update:\n%s", diff)
			}
		})
	}
}

// TestMoreFindings checks that line ends of Windows change no finding.
func TestMoreFindings(t *testing.T) {
	sound := readCase(t, "testdata/sound.txt")
	for _, name := range []string{"sound", "strategy", "go_package", "older_runtime", "tool_unknown"} {
		files := maps.Clone(sound)
		maps.Copy(files, readCase(t, "testdata/"+name+".txt"))
		want := files["want"]
		for path, text := range files {
			if path != "programs" {
				files[path] = strings.ReplaceAll(text, "\n", "\r\n")
			}
		}
		if diff := cmp.Diff(want, examine(t, files)); diff != "" {
			t.Errorf("%s: the findings differ with \\r\\n (-want +got):\n%s", name, diff)
		}
	}
}

// examine returns what the doctor prints, and its exit code.
func examine(t *testing.T, files map[string]string) string {
	t.Helper()
	above := make(fstest.MapFS)
	for name, text := range files {
		if name != "want" && name != "programs" && !strings.HasPrefix(name, "-") {
			above[path.Join("here", name)] = &fstest.MapFile{Data: []byte(text)}
		}
	}
	var stdout, stderr bytes.Buffer
	code := doctor.Run(doctor.Env{
		Stdout: &stdout, Stderr: &stderr,
		Args: []string{"here"},
		Open: func(dir string) fs.FS {
			if tree, err := fs.Sub(above, filepath.ToSlash(dir)); err == nil {
				return tree
			}
			return fstest.MapFS{} // above the case
		},
		Program: func(_, name string, args ...string) (string, error) {
			for line := range strings.Lines(files["programs"]) {
				if out, ok := strings.CutPrefix(line, strings.Join(append([]string{name}, args...), " ")+": "); ok {
					return strings.TrimSpace(out), nil
				}
			}
			return "", errors.New("it is not on PATH")
		},
	})
	if stderr.Len() > 0 {
		t.Errorf("stderr: %s", &stderr)
	}
	return stdout.String() + "exit code " + string(rune('0'+code)) + "\n"
}

// readCase reads the files of a case, each after a line "-- path --".
func readCase(t *testing.T, file string) map[string]string {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	files, at := make(map[string]string), ""
	for line := range strings.Lines(string(content)) {
		if path, ok := strings.CutPrefix(strings.TrimSuffix(line, " --\n"), "-- "); ok && strings.HasSuffix(line, " --\n") {
			at = path
			files[at] = ""
			continue
		}
		files[at] += line
	}
	return files
}

func writeWant(t *testing.T, file, want string) {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, _, _ := strings.Cut(string(content), "-- want --\n")
	if err := os.WriteFile(file, []byte(before+"-- want --\n"+want), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestArguments(t *testing.T) {
	for _, tt := range []struct {
		args   []string
		code   int
		stdout string
		stderr string
	}{
		{[]string{"--help"}, 0, "The exit code is 0 without errors, 1 if there is an error", ""},
		{[]string{"a", "b"}, 2, "", "doctor: 2 directories [\"a\" \"b\"]; name one; want [DIR] [--strict]"},
		{[]string{"--loud"}, 2, "", "-loud; want [DIR] [--strict]"},
		{[]string{"nowhere"}, 2, "", "doctor: nowhere: no such file or directory; name a directory"},
		{[]string{""}, 2, "", "the name of the directory is empty; name a directory"},
	} {
		var stdout, stderr bytes.Buffer
		code := doctor.Run(doctor.Env{Args: tt.args, Stdout: &stdout, Stderr: &stderr})
		if code != tt.code || !strings.Contains(stdout.String(), tt.stdout) || !strings.Contains(stderr.String(), tt.stderr) {
			t.Errorf("doctor %q: exit code %d, stdout %q, stderr %q", tt.args, code, &stdout, &stderr)
		}
	}
}

// TestOwnRepositories checks that the doctor finds nothing wrong in the repositories of this
// checkout, whose Makefile puts the plugins on PATH.
func TestOwnRepositories(t *testing.T) {
	for dir, want := range map[string]string{
		".": "no error, 1 warning\n", "examples/shop": "no findings\n", "examples/moving": "no findings\n", "examples/rest": "no findings\n",
	} {
		var stdout, stderr bytes.Buffer
		code := doctor.Run(doctor.Env{
			Args: []string{filepath.Join("..", "..", filepath.FromSlash(dir))}, Stdout: &stdout, Stderr: &stderr,
			Program: func(_, name string, _ ...string) (string, error) {
				if name == "protoc-gen-grpcservice" || filepath.Base(name) == "buf" {
					return "v1.75.0+dirty", nil
				}
				return "protoc-gen-go v1.30.0", nil
			},
		})
		if code != 0 || !strings.HasSuffix(stdout.String(), want) || stderr.Len() > 0 {
			t.Errorf("%s: exit code %d, %s%s", dir, code, &stdout, &stderr)
		}
	}
}
