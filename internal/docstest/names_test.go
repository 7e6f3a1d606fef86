package docstest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	qualifiedName = regexp.MustCompile(`(?:^|[^\w.$/])([a-z]\w*)\.([A-Z]\w*)`)
	optionName    = regexp.MustCompile("`(With[A-Z]\\w*)[`(]")
	localName     = regexp.MustCompile(`(\w+)(?:, \w+)* :?= `)
)

// TestNamesInDocs checks that the packages of the runtime declare each name that a page qualifies
// with a package, such as server.WithLogger, and each option that it uses without one.
func TestNamesInDocs(t *testing.T) {
	t.Parallel()
	declared := declaredNames(t)
	if len(declared["server"]) < 30 {
		t.Fatalf("found only %d names of package server", len(declared["server"]))
	}
	anywhere := make(map[string]bool)
	for _, names := range declared {
		maps.Copy(anywhere, names)
	}
	for page, text := range pagesOfCheckout(t) {
		if page == "docs/templates.md" { // internal/gen checks its names
			continue
		}
		locals := localsOf(text)
		n := 0
		for line := range strings.Lines(text) {
			n++
			for _, match := range qualifiedName.FindAllStringSubmatch(line, -1) {
				names, ours := declared[match[1]]
				if ours && !names[match[2]] && !locals[match[1]] {
					t.Errorf("%s:%d: package %s has no %s", page, n, match[1], match[2])
				}
			}
			for _, match := range optionName.FindAllStringSubmatch(line, -1) {
				if !anywhere[match[1]] {
					t.Errorf("%s:%d: no package of the runtime has %s", page, n, match[1])
				}
			}
		}
	}
}

// localsOf returns the variables that the code of a page declares, because they may have the name
// of a package.
func localsOf(text string) map[string]bool {
	locals := make(map[string]bool)
	for _, match := range localName.FindAllStringSubmatch(text, -1) {
		locals[match[1]] = true
	}
	return locals
}

// declaredNames returns the names that the runtime's packages declare, including methods, by
// package.
func declaredNames(t *testing.T) map[string]map[string]bool {
	t.Helper()
	declared := make(map[string]map[string]bool)
	runtime := filepath.Join(root, "runtime")
	err := filepath.WalkDir(runtime, func(path string, entry os.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && entry.Name() == "internal":
			return filepath.SkipDir
		case entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		names := declared[file.Name.Name]
		if names == nil {
			names = make(map[string]bool)
			declared[file.Name.Name] = names
		}
		addNames(names, file)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return declared
}

func addNames(names map[string]bool, file *ast.File) {
	for _, decl := range file.Decls {
		switch decl := decl.(type) {
		case *ast.FuncDecl:
			names[decl.Name.Name] = true
		case *ast.GenDecl:
			for _, spec := range decl.Specs {
				switch spec := spec.(type) {
				case *ast.TypeSpec:
					names[spec.Name.Name] = true
				case *ast.ValueSpec:
					for _, name := range spec.Names {
						names[name.Name] = true
					}
				}
			}
		}
	}
}
