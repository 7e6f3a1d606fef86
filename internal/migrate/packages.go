package migrate

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/grpcservice/grpcservice/internal/lazyregexp"
)

// packages reads the packages of the module of a program, each when it is first needed.
type packages struct {
	root   string // the directory of the module; "" if no go.mod is in or above the program
	module string // its path
	read   map[string]declarations
}

// declarations are what a package declares, by name.
type declarations map[string]declaration

// declaration is a name that a package declares.
type declaration struct {
	takes     string // the type of the first parameter of a function, without its package
	generated bool
}

var moduleLine = lazyregexp.New(`(?m)^\s*module\s+"?([^\s"]+)`)

// packagesOf returns the packages of the module that a directory is in.
func packagesOf(dir string) *packages {
	p := &packages{read: make(map[string]declarations)}
	at, err := filepath.Abs(dir)
	for ; err == nil; at = filepath.Dir(at) {
		if text, err := os.ReadFile(filepath.Join(at, "go.mod")); err == nil {
			if m := moduleLine.FindStringSubmatch(string(text)); m != nil {
				p.root, p.module = at, m[1]
			}
			return p
		}
		if filepath.Dir(at) == at {
			return p
		}
	}
	return p
}

// at returns what the package in a directory declares.
func (p *packages) at(dir string) declarations {
	if known, ok := p.read[dir]; ok {
		return known
	}
	found := make(declarations)
	p.read[dir] = found
	entries, _ := os.ReadDir(dir)
	for _, entry := range entries {
		if path.Ext(entry.Name()) != ".go" {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, entry.Name()), nil, parser.ParseComments|parser.SkipObjectResolution)
		if parsed != nil && err == nil {
			found.add(parsed)
		}
	}
	return found
}

// imported returns what a package declares, if it is one of the module or is vendored.
func (p *packages) imported(importPath string) (found declarations, known bool) {
	if p.root == "" {
		return nil, false
	}
	dir := filepath.Join(p.root, "vendor", filepath.FromSlash(importPath))
	if below, ok := strings.CutPrefix(importPath+"/", p.module+"/"); ok {
		dir = filepath.Join(p.root, filepath.FromSlash(below))
	}
	found = p.at(dir)
	return found, len(found) > 0
}

func (d declarations) add(file *ast.File) {
	generated := ast.IsGenerated(file)
	for _, decl := range file.Decls {
		switch decl := decl.(type) {
		case *ast.FuncDecl:
			if decl.Recv == nil {
				d[decl.Name.Name] = declaration{firstParameter(decl.Type), generated}
			}
		case *ast.GenDecl:
			for _, spec := range decl.Specs {
				switch spec := spec.(type) {
				case *ast.TypeSpec:
					d[spec.Name.Name] = declaration{"", generated}
				case *ast.ValueSpec:
					for _, name := range spec.Names {
						d[name.Name] = declaration{"", generated}
					}
				}
			}
		}
	}
}

// firstParameter returns the type of the first parameter of a function without its package, such as
// ServiceRegistrar or *Server, or "".
func firstParameter(function *ast.FuncType) string {
	if len(function.Params.List) == 0 {
		return ""
	}
	pointer, t := "", function.Params.List[0].Type
	if star, ok := t.(*ast.StarExpr); ok {
		pointer, t = "*", star.X
	}
	if selector, ok := t.(*ast.SelectorExpr); ok {
		return pointer + selector.Sel.Name
	}
	return ""
}
