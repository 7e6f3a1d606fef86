package scaffold

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/grpcservice/grpcservice/internal/doctor"
)

// TestAdopt runs init in each repository of testdata, and checks what it prints. The diff must
// apply, and the doctor must miss nothing in the result but the tools, which the commands add.
func TestAdopt(t *testing.T) {
	cases, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(cases) == 0 {
		t.Fatal(cases, err)
	}
	for _, file := range cases {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			for _, end := range []string{"\n", "\r\n"} {
				testAdopt(t, file, end)
			}
		})
	}
}

func testAdopt(t *testing.T, file, end string) {
	dir := filepath.Join(t.TempDir(), "here")
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	files, want, _ := strings.Cut("\n"+string(content), "\n-- want --\n")
	for _, part := range strings.Split(files, "\n-- ")[1:] {
		name, text, _ := strings.Cut(part, " --\n")
		text = strings.ReplaceAll(text+"\n", "\n", end)
		if name, unterminated := strings.CutSuffix(name, " without line end"); unterminated {
			writeFile(t, filepath.Join(dir, name), strings.TrimSuffix(text, end))
		} else {
			writeFile(t, filepath.Join(dir, name), text)
		}
	}
	var stdout, stderr bytes.Buffer
	code := Run(t.Context(), Env{Args: []string{dir}, Stdout: &stdout, Stderr: &stderr, Version: "v0.3.0"})
	got := strings.ReplaceAll(stdout.String(), "\r\n", "\n") + strings.ReplaceAll(stderr.String(), dir, "DIR") + "exit code " + string(rune('0'+code)) + "\n"
	if *update && end == "\n" {
		before, _, _ := strings.Cut(string(content), "-- want --\n")
		writeFile(t, file, before+"-- want --\n"+got)
		want = got
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("line end %q: the output differs (-want +got); if it is right, run go test -update:\n%s", end, diff)
	}
	if stdout.Len() > 0 {
		checkDiff(t, dir, stdout.Bytes())
	}
}

// checkDiff applies a diff and asks the doctor.
func checkDiff(t *testing.T, dir string, diff []byte) {
	t.Helper()
	git := exec.Command("git", "apply", "--whitespace=nowarn")
	git.Dir, git.Stdin = dir, bytes.NewReader(diff)
	git.Env = append(os.Environ(), "GIT_CEILING_DIRECTORIES="+filepath.Dir(dir), "GIT_CONFIG_GLOBAL="+os.DevNull)
	if out, err := git.CombinedOutput(); err != nil {
		t.Fatalf("git apply: %v\n%s\n%q", err, out, diff)
	}
	var stdout bytes.Buffer
	doctor.Run(doctor.Env{
		Args: []string{dir}, Stdout: &stdout, Stderr: &stdout,
		Program: func(string, string, ...string) (string, error) { return "1.75.0", nil },
	})
	for line := range strings.Lines(stdout.String()) {
		expected := strings.Contains(line, "go get -tool") || strings.Contains(line, "go work use") || strings.Contains(line, "go mod init")
		if strings.Contains(line, "error: ") && !expected {
			t.Errorf("after the diff, the doctor finds: %s", line)
		}
	}
}

func writeFile(t *testing.T, file, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}
