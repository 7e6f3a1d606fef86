package workspace_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/grpcservice/grpcservice/internal/workspace"
)

func TestReadFile(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{"small": "version: v1\n", "big": strings.Repeat("#", 1<<20+1)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if content, err := workspace.ReadFile(filepath.Join(dir, "small")); err != nil || string(content) != "version: v1\n" {
		t.Errorf("the content is %q (%v)", content, err)
	}
	for _, path := range []string{filepath.Join(dir, "big"), filepath.Join(dir, "none"), dir, os.DevNull} {
		if content, err := workspace.ReadFile(path); err == nil {
			t.Errorf("%s is read as %d bytes", path, len(content))
		}
	}
}
