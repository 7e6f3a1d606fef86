package plugin_test

import (
	"io/fs"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/grpcservice/grpcservice/internal/plugin"
)

// TestWindowsLineEnds runs the golden cases that read files of the user with \r\n in these files,
// as git for Windows checks them out. Output and problems are those of the files with \n.
func TestWindowsLineEnds(t *testing.T) {
	n := 0
	for _, c := range testCases(t) {
		switch first, _, _ := strings.Cut(c.name, "_"); {
		case strings.HasSuffix(c.name, "_missing"): // the error is that of the file system
			continue
		case first != "skeleton" && first != "deploy" && first != "templates" && !strings.HasPrefix(c.name, "policy_file"):
			continue
		}
		n++
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			request := c.request(t)
			want := run(t, request)
			tree := windowsTree(t, c.dir, c.name)
			got := runEnv(t, request, plugin.Env{
				Tree: tree, Dir: ".", ReadFile: func(path string) ([]byte, error) { return fs.ReadFile(tree, path) },
			})
			if diff := cmp.Diff(want.err, got.err); diff != "" {
				t.Errorf("the error differs (-\\n +\\r\\n):\n%s", diff)
			}
			if diff := cmp.Diff(want.warnings, got.warnings); diff != "" {
				t.Errorf("the warnings differ (-\\n +\\r\\n):\n%s", diff)
			}
			for path, content := range got.files {
				got.files[path] = strings.ReplaceAll(content, "\r\n", "\n")
			}
			if diff := cmp.Diff(want.files, got.files); diff != "" {
				t.Errorf("the files differ (-\\n +\\r\\n):\n%s", diff)
			}
		})
	}
	if n < 20 {
		t.Errorf("found only %d cases", n)
	}
}

// windowsTree returns the files of a case at the place where run has them, with \r\n.
func windowsTree(t *testing.T, dir, name string) fs.FS {
	t.Helper()
	tree := make(fstest.MapFS)
	for path, content := range readTree(t, dir) {
		if strings.HasPrefix(path, "want/") {
			continue
		}
		info, err := os.Lstat(dir + "/" + path)
		if err != nil {
			t.Fatal(err)
		}
		content = strings.ReplaceAll(strings.ReplaceAll(content, "\r\n", "\n"), "\n", "\r\n")
		tree[name+"/"+path] = &fstest.MapFile{Data: []byte(content), Mode: info.Mode()}
	}
	return tree
}
