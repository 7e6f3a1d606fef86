package plugin

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/grpcservice/grpcservice/internal/diag"
	"github.com/grpcservice/grpcservice/internal/golang"
	"github.com/grpcservice/grpcservice/internal/model"
	"github.com/grpcservice/grpcservice/internal/workspace"
)

// appFile is the file that a program begins as.
const appFile = "main.go"

// addApp adds a program that serves the services, unless there is one; then it says which of them that does not serve.
func (u *userCode) addApp(at string, impl workspace.Directory, have map[string][]byte) {
	f, err := u.Directory(at)
	if err == nil && f.Module != impl.Module {
		err = fmt.Errorf("it is in module %s, and the services are implemented in module %s; want both in one", f.Module, impl.Module)
	}
	if err == nil && f.ImportPath == impl.ImportPath {
		err = fmt.Errorf("it is the folder of skeleton_dir; want another, for a package main")
	}
	if err == nil && (u.forbidden(f.ImportPath) != "" || !golang.MayImport(f.ImportPath, impl.ImportPath)) {
		err = fmt.Errorf("its package cannot import %s, which is internal; choose a folder that can", cmp.Or(u.forbidden(f.ImportPath), impl.ImportPath))
	}
	var there map[string][]byte
	if err == nil {
		there, err = u.Files(at, ".go")
	}
	if err != nil {
		u.problems.Fail(fmt.Errorf("parameter app=%q: %w", at, err))
		return
	}
	if countCode(there) > 0 {
		u.warnUnserved(at, parseAll(there))
		return
	}
	if len(parseAll(have)) < countCode(have) {
		return // nobody knows what is in a file that does not parse, of which the user has been warned
	}
	content, err := u.templates.App(u.app(at, impl, have))
	if err == nil {
		err = u.CheckWrite(f, appFile)
	}
	if err != nil {
		u.problems.Fail(err)
		return
	}
	u.files[path.Join(at, appFile)] = content
}

// app returns the program for the package that implements the services, as it is going to be.
func (u *userCode) app(at string, impl workspace.Directory, have map[string][]byte) model.App {
	files := maps.Clone(have)
	for name, content := range u.files {
		if path.Dir(name) == impl.Path {
			files[path.Base(name)] = content
		}
	}
	parsed := parseAll(files)
	pkg := golang.Ident{Package: packageName(parsed, golang.PackageName(impl.ImportPath)), Path: impl.ImportPath}
	app := model.App{Command: path.Base(at), Package: pkg}
	for _, i := range u.services {
		svc := model.AppService{Implementation: i, New: golang.Ident{Name: i.Constructor, Package: pkg.Package, Path: pkg.Path}}
		if f, params, found := constructorParams(parsed, i.Constructor); found {
			svc.WithManager = len(params) == 1 && isManager(f, params[0])
			svc.CanMake = len(params) == 0 || svc.WithManager
		}
		app.Services = append(app.Services, svc)
	}
	return app
}

// parsedFile is a Go file by its name.
type parsedFile struct {
	name string
	set  *token.FileSet
	tree *ast.File
}

// parseAll parses the files that are not tests, in the order of their names. One that does not parse is left out.
func parseAll(files map[string][]byte) (parsed []parsedFile) {
	for _, name := range slices.Sorted(maps.Keys(files)) {
		set := token.NewFileSet()
		if tree, err := parser.ParseFile(set, name, files[name], parser.SkipObjectResolution); err == nil && !strings.HasSuffix(name, "_test.go") {
			parsed = append(parsed, parsedFile{name, set, tree})
		}
	}
	return parsed
}

// countCode returns how many of some files are not tests.
func countCode(files map[string][]byte) (n int) {
	for name := range files {
		if !strings.HasSuffix(name, "_test.go") {
			n++
		}
	}
	return n
}

// packageName returns the name of the package that files are of.
func packageName(files []parsedFile, fallback string) string {
	count := make(map[string]int)
	name := fallback
	for _, f := range files {
		if count[f.tree.Name.Name]++; count[f.tree.Name.Name] > count[name] {
			name = f.tree.Name.Name
		}
	}
	return name
}

// constructorParams returns the types of the parameters of a function that makes one thing, and the file that it is in.
func constructorParams(files []parsedFile, name string) (in parsedFile, types []ast.Expr, found bool) {
	for _, f := range files {
		for _, decl := range f.tree.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if !ok || fn.Recv != nil || fn.Name.Name != name || fn.Type.TypeParams != nil || fn.Type.Results.NumFields() != 1 {
				continue
			}
			for _, field := range fn.Type.Params.List {
				for range max(1, len(field.Names)) {
					types = append(types, field.Type)
				}
			}
			return f, types, true
		}
	}
	return parsedFile{}, nil, false
}

// managerPath is the import path of the package that has the manager of operations.
const managerPath = "github.com/grpcservice/grpcservice/runtime/operation"

// isManager says whether a type in a file is *operation.Manager.
func isManager(f parsedFile, typ ast.Expr) bool {
	star, ok := typ.(*ast.StarExpr)
	return ok && slices.ContainsFunc(usesOf(f), func(u use) bool {
		return u.pos == star.X.Pos() && u.path == managerPath && u.name == "Manager"
	})
}

// warnUnserved warns of services that a program does not serve while it serves others, at the last of those.
func (u *userCode) warnUnserved(at string, files []parsedFile) {
	served := make(map[golang.Ident]bool)
	var last diag.Position
	for _, f := range files {
		for _, use := range usesOf(f) {
			for _, i := range u.services {
				if use.path == i.Register.Path && use.name == i.Register.Name {
					served[i.Register] = true
					place := f.set.Position(use.pos)
					last = diag.Position{Path: path.Join(at, f.name), Line: place.Line, Column: place.Column}
				}
			}
		}
	}
	for _, i := range u.services {
		if len(served) > 0 && !served[i.Register] {
			u.problems.Warnf(last, "%s is not served here; add %s.%s(…), with %s imported",
				i.FullName, i.Register.Package, i.Register.Name, i.Register.Path)
		}
	}
}

// use is where a file names what another package declares.
type use struct {
	path, name string
	pos        token.Pos
}

// usesOf returns what a file names of the packages that it imports.
func usesOf(f parsedFile) (uses []use) {
	paths := make(map[string]string)
	for _, spec := range f.tree.Imports {
		importPath, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue
		}
		name := path.Base(importPath)
		if spec.Name != nil {
			name = spec.Name.Name
		}
		paths[name] = importPath
	}
	ast.Inspect(f.tree, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok {
			if pkg, ok := sel.X.(*ast.Ident); ok && paths[pkg.Name] != "" {
				uses = append(uses, use{paths[pkg.Name], sel.Sel.Name, sel.Pos()})
			}
		}
		return true
	})
	return uses
}
