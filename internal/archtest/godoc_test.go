package archtest

import (
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestPackageDocsListOptions checks that the package docs of server and client mention each option.
// go doc lists options by name; the package docs help a reader find the one for a task.
func TestPackageDocsListOptions(t *testing.T) {
	for _, dir := range []string{"server", "client"} {
		pkg := packageDoc(t, filepath.Join("..", "..", "runtime", dir))
		for _, typ := range pkg.Types {
			if typ.Name != "Option" {
				continue
			}
			for _, option := range typ.Funcs {
				if !strings.Contains(pkg.Doc, "["+option.Name+"]") {
					t.Errorf("the doc of package %s does not mention [%s]; add it to its topic", dir, option.Name)
				}
			}
		}
	}
}

// packageDoc parses the documentation of the package in dir.
func packageDoc(t *testing.T, dir string) *doc.Package {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	fset := token.NewFileSet()
	var files []*ast.File
	for _, entry := range entries {
		if name := entry.Name(); strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go") {
			file, err := parser.ParseFile(fset, filepath.Join(dir, name), nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, file)
		}
	}
	pkg, err := doc.NewFromFiles(fset, files, self+"/runtime/"+filepath.Base(dir))
	if err != nil {
		t.Fatal(err)
	}
	return pkg
}
