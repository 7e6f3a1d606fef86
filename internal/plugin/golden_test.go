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

var update = flag.Bool("update", false, "rewrite what the golden tests want")

// TestGolden runs the plugin on each directory of testdata and compares the output with its
// directory want: the generated files, or the file error, and the file warnings.
func TestGolden(t *testing.T) {
	for _, c := range testCases(t) {
		t.Run(c.name, func(t *testing.T) {
			got := goldenFiles(run(t, c.request(t)))
			want := filepath.Join(c.dir, "want")
			if *update {
				if err := os.RemoveAll(want); err != nil {
					t.Fatal(err)
				}
				writeTree(t, want, got)
				return
			}
			if diff := cmp.Diff(readTree(t, want), got); diff != "" {
				t.Errorf("the output is not what %s wants; if it should be, run go test ./internal/plugin -update (-want +got):\n%s", want, diff)
			}
		})
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
