package plugin_test

import (
	"go/parser"
	"go/token"
	"path"
	"strings"
	"testing"
)

// TestOneFileHasThePackageComment checks that exactly one generated file of each Go package has the
// package comment.
func TestOneFileHasThePackageComment(t *testing.T) {
	for _, c := range testCases(t) {
		t.Run(c.name, func(t *testing.T) {
			comments := make(map[string][]string) // by directory
			for file, content := range run(t, c.request(t)).files {
				if !strings.HasSuffix(file, ".grpcservice.go") {
					continue
				}
				parsed, err := parser.ParseFile(token.NewFileSet(), file, content, parser.ParseComments|parser.PackageClauseOnly)
				if err != nil {
					t.Fatal(err)
				}
				dir := path.Dir(file)
				comments[dir] = append(comments[dir], strings.TrimSpace(parsed.Doc.Text()))
			}
			for dir, all := range comments {
				if text := strings.Join(all, ""); strings.Count(text, "Package ") != 1 {
					t.Errorf("the files in %s have the package comments %q, want one", dir, all)
				}
			}
		})
	}
}
