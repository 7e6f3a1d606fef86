package conform

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// pagesBelow returns the pages below a directory, by slash-separated path. A page of which only the
// hash is there is empty.
func pagesBelow(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := make(map[string]string)
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		rel, _ := filepath.Rel(dir, path)
		name, isHash := strings.CutSuffix(filepath.ToSlash(rel), ".sha256")
		if ext := filepath.Ext(name); ext != ".md" && ext != ".html" {
			return nil
		}
		content, err := os.ReadFile(path)
		if isHash {
			content = nil
		}
		files[name] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestGoldens parses the references of the golden cases and of the example shop.
func TestGoldens(t *testing.T) {
	dirs, err := filepath.Glob("../../../testdata/docs_*/want")
	if err != nil {
		t.Fatal(err)
	}
	dirs = append(dirs, "../../../examples/shop/reference")
	for _, dir := range dirs {
		files := pagesBelow(t, dir)
		if len(files) < 3 {
			t.Errorf("%s has %d pages", dir, len(files))
		}
		t.Run(filepath.Base(filepath.Dir(dir)), func(t *testing.T) {
			checkMarkdown(t, files)
			checkHTML(t, files)
		})
	}
	if len(dirs) < 6 {
		t.Errorf("there are %d references", len(dirs))
	}
}
