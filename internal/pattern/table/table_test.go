package table_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/grpcservice/grpcservice/internal/pattern"
	"github.com/grpcservice/grpcservice/internal/pattern/table"
	grpcservicev1 "github.com/grpcservice/grpcservice/proto/grpcservice/v1"
)

const root = "../../../"

// TestRowsAreWhole checks that everything a row names exists: its page, templates, package and
// options.
func TestRowsAreWhole(t *testing.T) {
	seen := make(map[string]bool)
	for _, p := range table.Patterns() {
		if p.Name == "" || seen[p.Name] || p.Kinds == 0 || p.Detect == nil || p.What == "" || !p.Beside && p.Is == "" {
			t.Errorf("the row of %q lacks something, or there are two", p.Name)
		}
		seen[p.Name] = true
		files := []string{"docs/" + p.Docs}
		if p.Arguments != nil {
			files = append(files, "templates/helper_"+p.Name+".go.tmpl", "templates/stub_"+p.Name+".go.tmpl",
				strings.TrimPrefix(p.Package.Path, "github.com/grpcservice/grpcservice/"))
		}
		if p.Works {
			files = append(files, "templates/work_"+p.Name+".go.tmpl")
		}
		for _, file := range files {
			if _, err := os.Stat(root + file); err != nil {
				t.Errorf("%s: %v", p.Name, err)
			}
		}
		checkOption(t, p)
		checkDependency(t, p)
	}
}

// checkDependency checks that the package of a dependency declares the names in the row.
func checkDependency(t *testing.T, p pattern.Pattern) {
	t.Helper()
	d := p.Needs.Dependency
	if d == nil {
		return
	}
	if d.Name == "" || d.Doc == "" || d.Package.Name != path.Base(d.Package.Path) {
		t.Errorf("%s: the row of the dependency lacks something: %+v", p.Name, *d)
	}
	dir := root + strings.TrimPrefix(d.Package.Path, "github.com/grpcservice/grpcservice/")
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s has no Go files (%v)", dir, err)
	}
	declared := make(map[string]bool)
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			switch decl := decl.(type) {
			case *ast.FuncDecl:
				declared[decl.Name.Name] = declared[decl.Name.Name] || decl.Recv == nil
			case *ast.GenDecl:
				for _, spec := range decl.Specs {
					if spec, ok := spec.(*ast.TypeSpec); ok {
						declared[spec.Name.Name] = true
					}
				}
			}
		}
	}
	for _, name := range []string{d.Type, d.New, d.Store, d.Register} {
		if name != "" && !declared[name] {
			t.Errorf("%s: package %s does not declare %s", p.Name, d.Package.Name, name)
		}
	}
}

// checkOption checks that the option of a pattern can disable it, and has the parts listed in the
// row.
func checkOption(t *testing.T, p pattern.Pattern) {
	t.Helper()
	if p.Option == "" {
		return
	}
	option := (&grpcservicev1.Policy{}).ProtoReflect().Descriptor().Fields().ByName(protoreflect.Name(p.Option))
	if option == nil || option.Message() == nil {
		t.Errorf("%s: there is no option %s", p.Name, p.Option)
		return
	}
	for _, field := range append([]string{"off"}, p.Parts...) {
		if option.Message().Fields().ByName(protoreflect.Name(field)) == nil {
			t.Errorf("%s: there is no option %s.%s", p.Name, p.Option, field)
		}
	}
}
