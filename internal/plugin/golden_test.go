package plugin_test

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var (
	update       = flag.Bool("update", false, "rewrite what the golden tests want")
	updateErrors = flag.Bool("update-errors", false, "let -update replace generated files by an error")
)

// TestGolden runs the plugin on each directory of testdata and compares the output with its
// directory want: the generated files, or the file error, and the file warnings.
func TestGolden(t *testing.T) {
	for _, c := range testCases(t) {
		t.Run(c.name, func(t *testing.T) {
			got := goldenFiles(run(t, c.request(t)))
			want := filepath.Join(c.dir, "want")
			if *update {
				rewrite(t, want, got)
				return
			}
			if diff := cmp.Diff(readTree(t, want), got); diff != "" {
				t.Errorf("the output is not what %s wants; if it should be, run go test ./internal/plugin -update (-want +got):\n%s", want, diff)
			}
		})
	}
}

// rewrite replaces the directory want. It does not replace generated files by an error: the
// options.pb.go that the plugin was built from may be older than options.proto.
func rewrite(t *testing.T, want string, got map[string]string) {
	t.Helper()
	if problem := lost(want, got); problem != "" && !*updateErrors {
		t.Fatalf("%s has generated files, and the plugin now returns an error; run make generate first, "+
			"or add -update-errors if that is right:\n%s", want, problem)
	}
	if err := os.RemoveAll(want); err != nil {
		t.Fatal(err)
	}
	writeTree(t, want, got)
}

// lost returns the error by which got would replace the generated files in the directory want, or
// "" if it would not.
func lost(want string, got map[string]string) string {
	if _, err := os.Stat(want); err != nil {
		return "" // a new case
	}
	if _, err := os.Stat(filepath.Join(want, "error")); err == nil {
		return ""
	}
	return got["error"]
}

// TestUpdateKeepsFiles checks that an update does not replace generated files by an error.
func TestUpdateKeepsFiles(t *testing.T) {
	failed := map[string]string{"error": "unknown option\n"}
	generated := map[string]string{"a.go": "package a\n"}
	for name, test := range map[string]struct {
		want, got map[string]string
		lost      string
	}{
		"files by an error": {generated, failed, "unknown option\n"},
		"files by files":    {generated, generated, ""},
		"an error":          {failed, failed, ""},
		"a new case":        {nil, failed, ""},
	} {
		want := filepath.Join(t.TempDir(), "want")
		if test.want != nil {
			writeTree(t, want, test.want)
		}
		if got := lost(want, test.got); got != test.lost {
			t.Errorf("%s: the error %q is lost, want %q", name, got, test.lost)
		}
	}
}

// goldenFiles returns a result in the layout of the directory want, with a hash instead of a big
// file.
func goldenFiles(r result) map[string]string {
	const big = 100_000
	golden := make(map[string]string)
	for path, content := range r.files {
		if len(content) > big {
			path, content = path+".sha256", fmt.Sprintf("%x\n", sha256.Sum256([]byte(content)))
		}
		golden[path] = content
	}
	if r.err != "" {
		golden["error"] = r.err + "\n"
	}
	if r.warnings != "" {
		golden["warnings"] = r.warnings
	}
	return golden
}

// TestOrderDoesNotMatter checks that the order of the files in a request does not change the output
// or the errors.
func TestOrderDoesNotMatter(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, c := range testCases(t) {
		t.Run(c.name, func(t *testing.T) {
			request := c.request(t)
			want := run(t, request)
			for range 4 {
				random.Shuffle(len(request.FileToGenerate), func(i, j int) {
					request.FileToGenerate[i], request.FileToGenerate[j] = request.FileToGenerate[j], request.FileToGenerate[i]
				})
				random.Shuffle(len(request.ProtoFile), func(i, j int) {
					request.ProtoFile[i], request.ProtoFile[j] = request.ProtoFile[j], request.ProtoFile[i]
				})
				if diff := cmp.Diff(want, run(t, request), cmp.AllowUnexported(result{})); diff != "" {
					t.Fatalf("another order gives another result (-first +shuffled):\n%s", diff)
				}
			}
		})
	}
}

// TestStrategyDoesNotMatter checks that one run per directory, as buf does by default, writes the
// same bytes as one run for all directories.
func TestStrategyDoesNotMatter(t *testing.T) {
	for _, c := range testCases(t) {
		t.Run(c.name, func(t *testing.T) {
			request := c.request(t)
			all := run(t, request)
			if all.err != "" {
				return // a run per directory does not detect clashes across directories
			}
			dirs := make(map[string][]string)
			for _, path := range c.protos {
				dirs[filepath.Dir(path)] = append(dirs[filepath.Dir(path)], path)
			}
			each := make(map[string]string)
			for _, paths := range dirs {
				request.FileToGenerate = paths
				for path, content := range run(t, request).files {
					each[path] = content
				}
			}
			// A report covers one run only, so it differs.
			notReports := cmpopts.IgnoreMapEntries(func(file, _ string) bool { return isReport(file) })
			if diff := cmp.Diff(all.files, each, notReports); diff != "" {
				t.Errorf("strategy directory gives another result (-all +directory):\n%s", diff)
			}
		})
	}
}
