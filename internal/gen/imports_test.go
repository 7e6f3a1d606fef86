package gen

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/grpcservice/grpcservice/internal/golang"
	"github.com/grpcservice/grpcservice/internal/model"
)

// TestLocals checks that locals has every name that functions in the generated code of testdata
// declare.
func TestLocals(t *testing.T) {
	files := 0
	for _, path := range goldens(t) {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		files++
		for _, name := range localsOf(file) {
			if !slices.Contains(locals, name) {
				t.Errorf("%s declares %s, which is not in the list of locals", path, name)
			}
		}
	}
	if files == 0 {
		t.Fatal("there is no generated code in testdata")
	}
}

func goldens(t *testing.T) []string {
	t.Helper()
	var paths []string
	err := filepath.WalkDir("../../testdata", func(path string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".grpcservice.go") {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

// localsOf returns the names of the receivers, parameters and variables in a file.
func localsOf(file *ast.File) []string {
	var names []string
	add := func(expr ast.Expr) {
		if id, ok := expr.(*ast.Ident); ok {
			names = append(names, id.Name)
		}
	}
	fields := func(list *ast.FieldList) {
		if list == nil {
			return
		}
		for _, field := range list.List {
			for _, name := range field.Names {
				add(name)
			}
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			fields(n.Recv)
		case *ast.FuncType:
			fields(n.TypeParams)
			fields(n.Params)
			fields(n.Results)
		case *ast.AssignStmt:
			for _, expr := range n.Lhs {
				add(expr)
			}
		case *ast.RangeStmt:
			add(n.Key)
			add(n.Value)
		case *ast.DeclStmt:
			for _, spec := range n.Decl.(*ast.GenDecl).Specs {
				for _, name := range spec.(*ast.ValueSpec).Names {
					add(name)
				}
			}
		}
		return true
	})
	return names
}

func TestImportNames(t *testing.T) {
	imports := newImports(model.Output{Path: "example.com/self", Declares: []string{"oneTable"}},
		golang.Ident{Package: "v1", Path: "example.com/a/v1"})
	for _, tt := range []struct{ pkg, path, want string }{
		{"self", "example.com/self", "T"},
		{"libraryv1", "example.com/library/v1", "libraryv1.T"},
		{"v1", "example.com/b/v1", "bv1.T"},
		{"v1", "example.com/a/v1", "v1.T"},
		{"v1", "example.com/x/b/v1", "v1pb.T"},
		{"v1", "example.com/y/b/v1", "v12.T"},
		{"v1", "example.com/B/v1", "v13.T"},
		{"v1", "example.com/a/v1", "v1.T"},
		{"context", "example.com/context", "contextpb.T"},
		{"ctx", "example.com/my/ctx", "myctx.T"},
		{"oneTable", "example.com/my/table", "myoneTable.T"},
		{"string", "example.com/string", "stringpb.T"},
		{"func", "example.com/func", "funcpb.T"},
		{"v1", "a/v1", "av1.T"},
		{"v1", "v1", "v14.T"},
	} {
		if got := imports.ident(golang.Ident{Name: "T", Package: tt.pkg, Path: tt.path}); got != tt.want {
			t.Errorf("T of package %s at %s is spelled %s, want %s", tt.pkg, tt.path, got, tt.want)
		}
	}
	if got, want := imports.of(contextPackage)("Context"), "context.Context"; got != want {
		t.Errorf("of(context) is spelled %s, want %s", got, want)
	}
	if got := imports.groups()[0]; len(got) != 1 || got[0] != `"context"` {
		t.Errorf("the first group of imports is %q, want context alone", got)
	}
}
