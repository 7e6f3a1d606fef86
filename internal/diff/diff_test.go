package diff_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/grpcservice/grpcservice/internal/diff"
)

// appliers are the programs that must take a diff.
var appliers = [][]string{{"git", "apply", "--whitespace=nowarn", "-"}, {"patch", "-p1", "--quiet"}}

// checkApplies applies a diff to the files of a directory, and compares a file with what it must be.
func checkApplies(t *testing.T, applier []string, name, before, after, patch string) {
	t.Helper()
	if _, err := exec.LookPath(applier[0]); err != nil {
		t.Skipf("%v; install %s", err, applier[0])
	}
	dir := t.TempDir()
	file := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if before != "" {
		if err := os.WriteFile(file, []byte(before), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(applier[0], applier[1:]...)
	cmd.Dir, cmd.Stdin = dir, strings.NewReader(patch)
	cmd.Env = append(os.Environ(), "GIT_CEILING_DIRECTORIES="+filepath.Dir(dir), "GIT_CONFIG_GLOBAL="+os.DevNull)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s\n%s", applier, err, out, patch)
	}
	got, err := os.ReadFile(file)
	if err != nil || string(got) != after {
		t.Errorf("%v: %v; %q became %q, want %q, by\n%s", applier, err, before, got, after, patch)
	}
}

// TestNames checks names of files that a diff must write in a special way.
func TestNames(t *testing.T) {
	for _, name := range []string{"a.go", "a b.go", "dir with space/ä ö.go", `quo"te.go`, `back\slash.go`, "tab\there.go", "größe.go", "a b"} {
		for _, applier := range appliers {
			t.Run(applier[0]+" "+name, func(t *testing.T) {
				checkApplies(t, applier, name, "one\ntwo\n", "one\n2\n", diff.Unified(name, "one\ntwo\n", "one\n2\n"))
				checkApplies(t, applier, name, "", "one\ntwo", diff.NewFile(name, "one\ntwo"))
			})
		}
	}
}

// TestTexts checks ends of lines and of files.
func TestTexts(t *testing.T) {
	for i, test := range []struct{ before, after string }{
		{"a", "a\n"},
		{"a\n", "a"},
		{"a\nb", "a\nb\nc"},
		{"a\nb", "b"},
		{"a\r\nb\r\n", "a\r\nx\r\nb\r\n"},
		{"a\nb\r\n\n", "a\r\nb\n"},
		{"\n\n\n", "\n\n"},
		{"--- a/x\n+++ b/x\n@@ -1 +1 @@\n", "--- a/y\n+++ b/x\n"},
		{"only\n", "other\nlines\n"},
	} {
		for _, applier := range appliers {
			t.Run(fmt.Sprint(applier[0], i), func(t *testing.T) {
				checkApplies(t, applier, "x.go", test.before, test.after, diff.Unified("x.go", test.before, test.after))
			})
		}
	}
	if got := diff.Unified("x.go", "same\n", "same\n"); got != "" {
		t.Errorf("the diff of a text with itself is %q", got)
	}
}

// TestRandom compares diffs of random texts with what git makes of them.
func TestRandom(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 40 {
		before := randomText(random, 30)
		after := mutate(random, before)
		if before != "" && after != "" && before != after {
			checkApplies(t, appliers[0], "x.go", before, after, diff.Unified("x.go", before, after))
		}
	}
}

// TestLong checks a change at both ends of a long file, and texts that have nothing in common: the
// memory that a diff takes must not grow with the square of the lines.
func TestLong(t *testing.T) {
	middle := strings.Repeat("x\ny\n", 100_000)
	got := diff.Unified("x.go", "first\n"+middle+"last\n", middle+"end\n")
	const want = "--- a/x.go\n+++ b/x.go\n@@ -1,4 +1,3 @@\n-first\n x\n y\n x\n@@ -199999,4 +199998,4 @@\n y\n x\n y\n-last\n+end\n"
	if got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	var a, b strings.Builder
	for i := range 20_000 {
		fmt.Fprintf(&a, "a%d\n", i)
		fmt.Fprintf(&b, "b%d\n", i)
	}
	checkApplies(t, appliers[0], "x.go", a.String(), b.String(), diff.Unified("x.go", a.String(), b.String()))
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
	all := strings.SplitAfter(text, "\n")
	for range 1 + random.IntN(4) {
		at := random.IntN(len(all) + 1)
		switch {
		case random.IntN(3) == 0:
			all = append(all[:at:at], append([]string{"new\n"}, all[at:]...)...)
		case at < len(all):
			all = append(all[:at:at], all[at+1:]...)
		}
		for i := range len(all) - 1 {
			all[i] = strings.TrimSuffix(all[i], "\n") + "\n"
		}
	}
	return strings.Join(all, "")
}
