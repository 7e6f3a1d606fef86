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

// TestEveryPackageHasADoc checks that each package has one doc comment, which starts with one
// sentence that fits into a list of packages.
func TestEveryPackageHasADoc(t *testing.T) {
	const longest = 160
	checked := 0
	for dir, files := range handwritten(t, "../..") {
		var docs []string
		name := ""
		for _, file := range files {
			parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, file), nil, parser.ParseComments|parser.PackageClauseOnly)
			if err != nil {
				t.Fatal(err)
			}
			name = parsed.Name.Name
			if parsed.Doc != nil {
				docs = append(docs, parsed.Doc.Text())
			}
		}
		if len(docs) != 1 {
			t.Errorf("%s has %d doc comments, want one, in one of its files", dir, len(docs))
			continue
		}
		start := "Package " + name + " "
		if name == "main" {
			start = "" // the program's name, or "Command" and the name
		}
		sentence := new(doc.Package).Synopsis(docs[0])
		if !strings.HasPrefix(sentence, start) || sentence == "" || len(sentence) > longest {
			t.Errorf("%s: the doc starts with %q (%d bytes), want %q and a sentence of at most %d bytes",
				dir, sentence, len(sentence), start, longest)
		}
		checked++
	}
	if checked < 80 {
		t.Errorf("%d packages were checked", checked)
	}
}

// handwritten returns the names of the Go files that people write, without tests, by directory.
func handwritten(t *testing.T, root string) map[string][]string {
	t.Helper()
	files := map[string][]string{}
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		name := filepath.Base(path)
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != root && (strings.HasPrefix(name, ".") || name == "testdata"):
			return filepath.SkipDir
		case strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go") && !isGenerated(name) && !isKitex(path):
			files[filepath.Dir(path)] = append(files[filepath.Dir(path)], name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func isGenerated(name string) bool {
	return strings.HasSuffix(name, ".pb.go") || strings.HasSuffix(name, ".grpcservice.go") || strings.HasSuffix(name, ".connect.go")
}

// isKitex reports whether kitex generated a file, whose names are like those of handwritten ones.
func isKitex(path string) bool {
	return strings.Contains(filepath.ToSlash(path), "benchmarks/peers/kitex/gen/")
}
