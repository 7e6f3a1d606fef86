package skeleton

import (
	"go/ast"
	"strings"

	"github.com/grpcservice/grpcservice/internal/diag"
	"github.com/grpcservice/grpcservice/internal/golang"
)

// Code is a package of the user as it is, for questions about what it declares and names. It leaves out
// tests, and what is wrong with files, which [Merge] reports.
type Code struct{ *world }

// Read parses a package. Names are what packages are called whose paths do not tell, by import path.
func Read(p Package, names map[string]string) Code {
	own := parsePackage(p, new(diag.List))
	return Code{&world{own: own, names: names, loaded: make(map[string]*pkg)}}
}

// HasFiles reports whether a directory has Go files beside tests, whatever is in them.
func HasFiles(files map[string][]byte) bool {
	for name := range files {
		if !strings.HasSuffix(name, "_test.go") {
			return true
		}
	}
	return false
}

// Name returns the name of the package.
func (c Code) Name() string { return c.own.name }

// IsBroken reports whether a file does not parse, so that not all of the package is known.
func (c Code) IsBroken() bool { return c.own.broken }

// Makes reports whether the package has a function that takes pointers to some types, in their order, and
// returns one value.
func (c Code) Makes(function string, pointers ...golang.Ident) bool {
	for f := range c.files {
		for _, decl := range f.ast.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if ok && fn.Recv == nil && fn.Name.Name == function && c.hasShape(f, fn.Type, pointers) {
				return true
			}
		}
	}
	return false
}

func (c Code) hasShape(f *file, typ *ast.FuncType, pointers []golang.Ident) bool {
	params, ok := flatten(typ.Params)
	if !ok || typ.TypeParams != nil || typ.Results.NumFields() != 1 || len(params) != len(pointers) {
		return false
	}
	for i, want := range pointers {
		if c.isPointer(scope{pkg: c.own, file: f}, params[i], want) != yes {
			return false
		}
	}
	return true
}

// Uses returns where the package names what another package declares, in the order of its files.
func (c Code) Uses(id golang.Ident) (uses []diag.Position) {
	for f := range c.files {
		ast.Inspect(f.ast, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok || sel.Sel.Name != id.Name {
				return true
			}
			if pkg, ok := sel.X.(*ast.Ident); ok && c.importOf(f, pkg.Name) == id.Path {
				uses = append(uses, f.at(sel.Pos()))
			}
			return true
		})
	}
	return uses
}

// files yields the files of the package that are not tests.
func (c Code) files(yield func(*file) bool) {
	for _, f := range c.own.files {
		if !f.test && !yield(f) {
			return
		}
	}
}
