package plugin_test

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// deployed returns the result of the test case deploy, run in a module that already has some files.
func deployed(t *testing.T, have map[string]string) result {
	t.Helper()
	tree := fstest.MapFS{"home/library/go.mod": {Data: []byte("module example.com/deploy\n")}}
	for path, content := range have {
		tree["home/library/"+path] = &fstest.MapFile{Data: []byte(content), Mode: 0o444}
	}
	c := readCase(t, "deploy")
	c.options = strings.ReplaceAll(c.options, "deploy/user/", "")
	return runIn(t, c.request(t), tree, "home/library")
}

// TestDeployTwice checks that files belong to the user once they are written: a second run writes
// and reports nothing.
func TestDeployTwice(t *testing.T) {
	first := deployed(t, nil)
	if len(first.files) != 21 || first.files["deploy/Dockerfile"] == "" {
		t.Fatalf("the first run writes %d files, and says %q", len(first.files), first.err)
	}
	second := deployed(t, first.files)
	if diff := cmp.Diff(result{files: map[string]string{}}, second, cmp.AllowUnexported(result{})); diff != "" {
		t.Errorf("the second run (-want +got):\n%s", diff)
	}
}

// TestDeployLeavesWhatIsRemoved checks that a run does not restore a file that the user removed,
// but writes a part of which the user has no files.
func TestDeployLeavesWhatIsRemoved(t *testing.T) {
	files := deployed(t, nil).files
	maps.DeleteFunc(files, func(path, _ string) bool {
		return path == "deploy/kubernetes/horizontalpodautoscaler.yaml" || strings.HasPrefix(path, "deploy/istio/")
	})
	again := deployed(t, files)
	if again.err != "" || len(again.files) != 3 || again.files["deploy/istio/kustomization.yaml"] == "" {
		t.Errorf("the run says %q, and writes %d files", again.err, len(again.files))
	}
}

// TestDeployBelowModuleRoot checks that paths in the files are relative to the root of the module,
// where images are built.
func TestDeployBelowModuleRoot(t *testing.T) {
	c := readCase(t, "deploy")
	c.options = strings.ReplaceAll(c.options, "deploy/user/", "")
	tree := fstest.MapFS{"home/go.mod": {Data: []byte("module example.com/home\n\ngo 1.25.3\n")}}
	got := runIn(t, c.request(t), tree, "home/library").files["deploy/Dockerfile"]
	for _, want := range []string{"docker build -f library/deploy/Dockerfile ", "-o /out/server ./library/cmd/server\n", "ARG GO_IMAGE=golang:1.25\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("there is no %q in\n%s", want, got)
		}
	}
}

// TestDeploySymlink checks that the plugin writes nothing through a link that leads out of the
// module.
func TestDeploySymlink(t *testing.T) {
	home, elsewhere := t.TempDir(), t.TempDir()
	writeTree(t, home, map[string]string{"library/go.mod": "module example.com/deploy\n"})
	makeSymlink(t, elsewhere, filepath.Join(home, "library/deploy"))
	c := readCase(t, "deploy")
	c.options = strings.ReplaceAll(c.options, "deploy/user/", "")
	got := runIn(t, c.request(t), os.DirFS(home), "library")
	if want := `parameter deploy_dir="deploy": deploy: it leaves the module example.com/deploy through a symbolic link; choose a directory in the module`; got.err != want {
		t.Errorf("the error is %q, want %q", got.err, want)
	}
}
