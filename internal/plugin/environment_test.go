package plugin_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestProgramsListTheirEnvironment checks that the package comment of each generated main.go lists
// the environment variables that it reads, and no others.
func TestProgramsListTheirEnvironment(t *testing.T) {
	programs := 0
	for _, c := range testCases(t) {
		for file, content := range readTree(t, path.Join(c.dir, "want")) {
			if path.Base(file) != "main.go" {
				continue
			}
			programs++
			reads, lists := environment(t, file, content)
			if len(reads) == 0 || !slices.Equal(reads, lists) {
				t.Errorf("%s of %s reads %q, and its package comment lists %q", file, c.name, reads, lists)
			}
		}
	}
	if programs == 0 {
		t.Error("no golden case has a main.go")
	}
}

// environment returns the environment variables that a program reads with getenv, and those that its
// package comment lists, sorted.
func environment(t *testing.T, file, content string) (reads, lists []string) {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, content, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(parsed.Doc.Text()) {
		if row, is := strings.CutPrefix(line, "\t"); is {
			lists = append(lists, strings.Fields(row)[0])
		}
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		call, is := n.(*ast.CallExpr)
		if !is {
			return true
		}
		if f, is := call.Fun.(*ast.Ident); !is || f.Name != "getenv" {
			return true
		}
		name, err := strconv.Unquote(call.Args[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		reads = append(reads, name)
		return true
	})
	slices.Sort(lists)
	slices.Sort(reads)
	return slices.Compact(reads), lists
}
