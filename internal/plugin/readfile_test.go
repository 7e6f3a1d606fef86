package plugin_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/grpcservice/grpcservice/internal/plugin"
)

func TestReadFile(t *testing.T) {
	dir := t.TempDir()
	writeTree(t, dir, map[string]string{"small": "version: v1\n", "big": strings.Repeat("#", 1<<20+1)})
	if content, err := plugin.ReadFile(filepath.Join(dir, "small")); err != nil || string(content) != "version: v1\n" {
		t.Errorf("the content is %q (%v)", content, err)
	}
	for _, path := range []string{filepath.Join(dir, "big"), filepath.Join(dir, "none"), dir, os.DevNull} {
		if content, err := plugin.ReadFile(path); err == nil {
			t.Errorf("%s is read as %d bytes", path, len(content))
		}
	}
}
