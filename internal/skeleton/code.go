package skeleton

import (
	"go/ast"
	"slices"
	"strings"

	"github.com/grpcservice/grpcservice/internal/diag"
	"github.com/grpcservice/grpcservice/internal/golang"
)

// Code answers questions about a user's package: what it declares and refers to. It ignores tests,
// and problems of files, which [Merge] reports.
type Code struct{ *world }

// Read parses a package. names holds the names of packages whose import paths do not show them.
func Read(p Package, names map[string]string) Code {
	own := parsePackage(p, new(diag.List))
	return Code{&world{own: own, names: names, loaded: make(map[string]*pkg)}}
}

// HasFiles reports whether a directory has Go files other than tests, whatever their content.
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

// IsBroken reports whether a file has syntax errors, so that the package is known only in part.
func (c Code) IsBroken() bool { return c.own.broken }

// Takes returns which of some types the parameters of a function point to, as indices. It returns
// false if the package has no such function with a single result, or if a parameter has another
// type, or the type of an earlier one.
func (c Code) Takes(function string, types []golang.Type) (arguments []int, ok bool) {
	for f := range c.files {
		for _, decl := range f.ast.Decls {
			fn, isFunc := decl.(*ast.FuncDecl)
			if !isFunc || fn.Recv != nil || fn.Name.Name != function {
				continue
			}
			if arguments, ok := c.arguments(f, fn.Type, types); ok {
				return arguments, true
			}
		}
	}
	return nil, false
}

func (c Code) arguments(f *file, fn *ast.FuncType, types []golang.Type) (found []int, ok bool) {
	params, ok := flatten(fn.Params)
	if !ok || fn.TypeParams != nil || fn.Results.NumFields() != 1 {
		return nil, false
	}
	for _, param := range params {
		i := slices.IndexFunc(types, func(t golang.Type) bool {
			return c.isPointerTo(scope{pkg: c.own, file: f}, param, t)
		})
		if i < 0 || slices.Contains(found, i) {
			return nil, false
		}
		found = append(found, i)
	}
	return found, true
}

// isPointerTo reports whether an expression is certainly a pointer to a type.
func (c Code) isPointerTo(s scope, expr ast.Expr, want golang.Type) bool {
	star, ok := ast.Unparen(expr).(*ast.StarExpr)
	if !ok {
		return false
	}
	generic, arguments := star.X, []ast.Expr(nil)
	switch x := ast.Unparen(star.X).(type) {
	case *ast.IndexExpr:
		generic, arguments = x.X, []ast.Expr{x.Index}
	case *ast.IndexListExpr:
		generic, arguments = x.X, x.Indices
	}
	if len(arguments) != len(want.Arguments) || c.isNamed(s, generic, want.Ident) != yes {
		return false
	}
	for i, argument := range arguments {
		if c.isNamed(s, argument, want.Arguments[i]) != yes {
			return false
		}
	}
	return true
}

// Uses returns where the package refers to an identifier of another package, in the order of its
// files.
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

// files yields the files of the package, without its tests.
func (c Code) files(yield func(*file) bool) {
	for _, f := range c.own.files {
		if !f.test && !yield(f) {
			return
		}
	}
}
