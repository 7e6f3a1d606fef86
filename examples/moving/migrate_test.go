// Package moving_test checks that what the command migrate writes serves as before.
package moving_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestMigrateKeepsTheService runs the command on the service of middleware/before, and the test of
// that service on the result.
func TestMigrateKeepsTheService(t *testing.T) {
	before, moved := "middleware/before", t.TempDir()
	if err := os.CopyFS(moved, os.DirFS(before)); err != nil {
		t.Fatal(err)
	}
	migrate := exec.Command("go", "run", "./cmd/protoc-gen-grpcservice", "migrate", moved, "--write")
	migrate.Dir = "../.."
	out, err := migrate.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if want := "+\tlibraryv1.RegisterBookServiceServer(ours, &Books{Library: books})\n"; !strings.Contains(string(out), want) {
		t.Errorf("migrate prints\n%s\nwant a line %q", out, want)
	}
	replaced := make(map[string]string)
	for _, name := range []string{"before.go", "books.go"} {
		original, err := filepath.Abs(filepath.Join(before, name))
		if err != nil {
			t.Fatal(err)
		}
		replaced[original] = filepath.Join(moved, name)
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replaced})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "overlay.json")
	if err := os.WriteFile(file, overlay, 0o600); err != nil {
		t.Fatal(err)
	}
	test := exec.Command("go", "test", "-count=1", "-overlay="+file, "-run=TestCallersSeeNoDifference/before", "-v", "./middleware")
	if out, err := test.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS: TestCallersSeeNoDifference/before") {
		t.Errorf("%v\n%s", err, out)
	}
}
