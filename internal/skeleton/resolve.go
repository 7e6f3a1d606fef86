package skeleton

import (
	"go/ast"
	"path"
	"slices"
	"strings"

	"github.com/grpcservice/grpcservice/internal/diag"
	"github.com/grpcservice/grpcservice/internal/golang"
	"github.com/grpcservice/grpcservice/internal/lazyregexp"
)

// world holds the packages that have been read.
type world struct {
	own    *pkg
	names  map[string]string // package names by import path
	read   Reader
	loaded map[string]*pkg
}

// load returns the package at an import path, or nil if it is not in the user's module or known
// only in part.
func (w *world) load(importPath string) *pkg {
	if importPath == w.own.path {
		return w.own
	}
	if p, found := w.loaded[importPath]; found || w.read == nil || importPath == "" {
		return p
	}
	w.loaded[importPath] = nil
	if files, ok := w.read(importPath); ok {
		in := Package{Dir: importPath, Name: path.Base(importPath), ImportPath: importPath, Files: files}
		if p := parsePackage(in, new(diag.List)); !p.broken {
			w.loaded[importPath] = p
		}
	}
	return w.loaded[importPath]
}

// isStandard reports whether an import path belongs to the standard library. The paths of users'
// modules may have no dot either.
func (w *world) isStandard(importPath string) bool {
	first, _, _ := strings.Cut(importPath, "/")
	ownFirst, _, _ := strings.Cut(w.own.path, "/")
	return golang.MayBeStandard(importPath) && first != ownFirst && w.names[importPath] == "" || importPath == "context" || importPath == "iter"
}

// localNames returns the possible names of an import in its file: one, or several if the name of
// the package is unknown.
func (w *world) localNames(spec *ast.ImportSpec) []string {
	importPath := importPath(spec)
	if spec.Name != nil {
		return []string{spec.Name.Name}
	}
	if name := w.names[importPath]; name != "" {
		return []string{name}
	}
	if p := w.load(importPath); p != nil {
		return []string{p.name}
	}
	return guessNames(importPath)
}

// guessNames returns the customary names of the package at an import path: yaml for
// gopkg.in/yaml.v3 and go-yaml/v2.
func guessNames(importPath string) []string {
	words := strings.Split(importPath, "/")
	last := words[len(words)-1]
	names := []string{last}
	if version.MatchString(last) && len(words) > 1 {
		last = words[len(words)-2]
		names = append(names, last)
	}
	base, _, _ := strings.Cut(last, ".")
	names = append(names, base, strings.ReplaceAll(base, "-", ""), strings.ReplaceAll(base, "-", "_"),
		strings.TrimPrefix(base, "go-"), strings.TrimSuffix(base, "-go"))
	if _, behind, found := strings.Cut(base, "-"); found {
		names = append(names, behind)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

var version = lazyregexp.New(`^v[0-9]+$`)

// importOf returns the import path that a name denotes in a file, or "" if it is unknown.
func (w *world) importOf(f *file, name string) string {
	for _, guessed := range []bool{false, true} {
		for _, spec := range f.imports {
			if names := w.localNames(spec); (len(names) > 1) == guessed && slices.Contains(names, name) {
				return importPath(spec)
			}
		}
	}
	return ""
}

// scope is the place of a type expression.
type scope struct {
	pkg     *pkg
	file    *file
	tparams []string
}

// named is what a type expression denotes.
type named struct {
	ids  []golang.Ident // candidates; one if it is certain
	sure bool
}

func (n named) is(id golang.Ident) bool {
	return slices.ContainsFunc(n.ids, func(other golang.Ident) bool { return other.Path == id.Path && other.Name == id.Name })
}

// resolve returns what an expression denotes: an identifier of a package, or a predeclared one,
// which has no path. It returns nothing for an expression that is more than a name.
func (w *world) resolve(s scope, expr ast.Expr) named {
	switch expr := ast.Unparen(expr).(type) {
	case *ast.SelectorExpr:
		if x, ok := expr.X.(*ast.Ident); ok {
			if path := w.importOf(s.file, x.Name); path != "" {
				return named{[]golang.Ident{{Name: expr.Sel.Name, Path: path}}, true}
			}
		}
	case *ast.Ident:
		return w.resolveName(s, expr.Name)
	}
	return named{}
}

// resolveName resolves an unqualified name.
func (w *world) resolveName(s scope, name string) (n named) {
	if slices.Contains(s.tparams, name) {
		return n
	}
	if _, found := s.pkg.names[name]; found {
		own := golang.Ident{Name: s.pkg.dealias(name), Path: s.pkg.path}
		alias, found := s.pkg.aliasOf(own.Name)
		if !found {
			return named{[]golang.Ident{own}, own.Name == name}
		}
		if _, foreign := ast.Unparen(alias.spec.Type).(*ast.SelectorExpr); foreign {
			n = w.resolve(scope{pkg: s.pkg, file: alias.file}, alias.spec.Type)
		}
		return named{append(n.ids, own), false}
	}
	for _, spec := range s.file.imports {
		if spec.Name != nil && spec.Name.Name == "." {
			n.ids = append(n.ids, golang.Ident{Name: name, Path: importPath(spec)})
		}
	}
	if len(n.ids) == 0 && golang.IsPredeclared(name) {
		return named{[]golang.Ident{{Name: name}}, true}
	}
	return n
}

// aliasOf returns the declaration of an alias, if name is one.
func (p *pkg) aliasOf(name string) (typeDecl, bool) {
	for _, decl := range p.types[name] {
		if decl.spec.Assign.IsValid() && !namesItself(decl.spec) {
			return decl, true
		}
	}
	return typeDecl{}, false
}

// namesItself reports whether an alias denotes itself, which does not compile.
func namesItself(spec *ast.TypeSpec) bool {
	name, ok := baseName(spec.Type)
	return ok && name == spec.Name.Name
}

// baseName returns the name of a type of the package: T for (T) and T[int].
func baseName(expr ast.Expr) (string, bool) {
	switch expr := expr.(type) {
	case *ast.ParenExpr:
		return baseName(expr.X)
	case *ast.IndexExpr:
		return baseName(expr.X)
	case *ast.IndexListExpr:
		return baseName(expr.X)
	case *ast.Ident:
		return expr.Name, true
	default:
		return "", false
	}
}

// dealias returns the type that an alias denotes, as far as this package declares it.
func (p *pkg) dealias(name string) string {
	for range len(p.types) { // aliases may form a cycle
		decl, found := p.aliasOf(name)
		if !found {
			return name
		}
		next, ok := baseName(decl.spec.Type)
		if !ok || len(p.types[next]) == 0 {
			return name
		}
		name = next
	}
	return name
}

// methodsOf returns the methods that are declared on a type, by its name or an alias.
func (p *pkg) methodsOf(typ string) (list []method) {
	for _, m := range p.methods {
		if p.dealias(m.base) == typ {
			list = append(list, m)
		}
	}
	return list
}
