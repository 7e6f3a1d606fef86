package migrate

import (
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/grpcservice/grpcservice/internal/lazyregexp"
)

// packages reads the packages that a program imports, each when it is first needed, as far as they
// are on the disk.
type packages struct {
	root    string            // the directory of the module; "" if no go.mod is in or above the program
	modules map[string]string // the directories of the modules that go.mod names, by their paths
	read    map[string]declarations
}

// declarations are what a package declares, by name.
type declarations map[string]declaration

// declaration is a name that a package declares.
type declaration struct {
	takes     string // the type of the first parameter of a function, without its package
	generated bool
}

var (
	moduleLine  = lazyregexp.New(`^\s*module\s+"?([^\s"]+)`)
	requireLine = lazyregexp.New(`^\s*(?:require\s+)?([^\s=/]+\.[^\s=]+)\s+(v[^\s/]+)`)
	replaceLine = lazyregexp.New(`^\s*(?:replace\s+)?([^\s=]+)(?:\s+v\S+)?\s+=>\s+(\S+)(?:\s+(v\S+))?`)
)

// packagesOf returns the packages of the module that a directory is in.
func packagesOf(dir string) *packages {
	p := &packages{modules: make(map[string]string), read: make(map[string]declarations)}
	at, err := filepath.Abs(dir)
	for ; err == nil; at = filepath.Dir(at) {
		if text, err := os.ReadFile(filepath.Join(at, "go.mod")); err == nil {
			p.root = at
			p.readModules(string(text))
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

// readModules finds the directories of the modules that a go.mod names.
func (p *packages) readModules(text string) {
	replaced := make(map[string]bool)
	for line := range strings.Lines(text) {
		if m := moduleLine.FindStringSubmatch(line); m != nil {
			p.modules[m[1]] = p.root
		} else if m := replaceLine.FindStringSubmatch(line); m != nil {
			dir := cached(m[2], m[3])
			if m[3] == "" {
				dir = filepath.FromSlash(m[2])
			}
			if !filepath.IsAbs(dir) {
				dir = filepath.Join(p.root, dir)
			}
			p.modules[m[1]], replaced[m[1]] = dir, true
		} else if m := requireLine.FindStringSubmatch(line); m != nil && !replaced[m[1]] && p.modules[m[1]] == "" {
			p.modules[m[1]] = cached(m[1], m[2])
		}
	}
}

// cached returns the directory of a module in the module cache, in which ! precedes a letter that is
// a capital.
func cached(module, version string) string {
	cache := os.Getenv("GOMODCACHE")
	if cache == "" {
		cache = filepath.Join(filepath.SplitList(build.Default.GOPATH + string(filepath.ListSeparator))[0], "pkg", "mod")
	}
	var escaped strings.Builder
	for _, r := range module + "@" + version {
		if 'A' <= r && r <= 'Z' {
			escaped.WriteByte('!')
			r += 'a' - 'A'
		}
		escaped.WriteRune(r)
	}
	return filepath.Join(cache, filepath.FromSlash(escaped.String()))
}

// imported returns what a package declares, if it is on the disk.
func (p *packages) imported(importPath string) (found declarations, known bool) {
	if p.root == "" {
		return nil, false
	}
	if found = p.at(filepath.Join(p.root, "vendor", filepath.FromSlash(importPath))); len(found) > 0 {
		return found, true
	}
	for module := importPath; module != "."; module = path.Dir(module) {
		if dir, ok := p.modules[module]; ok {
			found = p.at(filepath.Join(dir, filepath.FromSlash(strings.TrimPrefix(importPath, module))))
			return found, len(found) > 0
		}
	}
	return nil, false
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
