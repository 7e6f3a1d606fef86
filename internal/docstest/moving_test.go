package docstest

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestTheProgramsOfMoving checks that docs/moving.md shows, for each framework, code of a module
// that compiles with it and calls it.
func TestTheProgramsOfMoving(t *testing.T) {
	t.Parallel()
	page := readText(t, filepath.Join(root, "docs", "moving.md"))
	frameworks := filepath.Join("examples", "moving", "frameworks")
	moved := filepath.Join(frameworks, "moved.go")
	for framework, files := range map[string][]string{
		"kratos":       {filepath.Join(frameworks, "kratos.go"), moved},
		"go-zero":      {filepath.Join(frameworks, "gozero.go"), moved},
		"grpc-gateway": {filepath.Join("examples", "rest", "moving_test.go")},
	} {
		var code string
		for _, file := range files {
			code += readText(t, filepath.Join(root, file))
		}
		_, section, _ := strings.Cut(page, "\n## From "+framework+"\n")
		section, _, _ = strings.Cut(section, "\n## ")
		shown := blocks(section, "go")
		if len(shown) < 2 {
			t.Errorf("the page has %d blocks of code for %s; want one before and one after", len(shown), framework)
		}
		for _, block := range shown {
			if !strings.Contains(code, block) {
				t.Errorf("no file of %q has this code of docs/moving.md:\n%s", files, block)
			}
		}
	}
}
