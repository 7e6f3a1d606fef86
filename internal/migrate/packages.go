package migrate

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/grpcservice/grpcservice/internal/gomod"
)

// packages reads the packages that a program imports, each when it is first needed, as far as they
// are on the disk.
type packages struct {
	root    string            // the directory of the module; "" if no go.mod is in or above the program
	modules map[string]string // the directories of the modules that go.mod names, by their paths
	read    map[string]declarations
	cache   string // the directory of the module cache
}

// declarations are what a package declares, by name.
type declarations map[string]declaration

// declaration is a name that a package declares.
type declaration struct {
	takes     string // the type of the first parameter of a function, without its package
	generated bool
}

// packagesOf returns the packages of the module that a directory is in.
func packagesOf(dir string) *packages {
	p := &packages{modules: make(map[string]string), read: make(map[string]declarations)}
	at, err := filepath.Abs(dir)
	for ; err == nil; at = filepath.Dir(at) {
		if text, err := os.ReadFile(filepath.Join(at, "go.mod")); err == nil {
			var work string
			p.root = at
			p.cache, work = goEnvironment(at)
			p.readModules(string(text))
			p.readWorkspace(work)
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
	all := gomod.Directives(text)
	for _, d := range all {
		switch {
		case d.Verb == "module" && len(d.Args) == 1:
			p.modules[d.Args[0]] = p.root
		case d.Verb == "require" && len(d.Args) == 2:
			p.modules[d.Args[0]] = p.cached(d.Args[0], d.Args[1])
		}
	}
	for _, d := range all {
		arrow := slices.Index(d.Args, "=>")
		if d.Verb != "replace" || arrow < 1 || arrow+1 >= len(d.Args) {
			continue
		}
		switch with := d.Args[arrow+1:]; {
		case len(with) > 1:
			p.modules[d.Args[0]] = p.cached(with[0], with[1])
		case filepath.IsAbs(with[0]):
			p.modules[d.Args[0]] = with[0]
		default:
			p.modules[d.Args[0]] = filepath.Join(p.root, filepath.FromSlash(with[0]))
		}
	}
}

// readWorkspace finds the directories of the modules of a go.work.
func (p *packages) readWorkspace(file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		return // there is none, or it is off
	}
	for _, use := range gomod.Directives(string(text)) {
		if use.Verb != "use" || len(use.Args) != 1 {
			continue
		}
		dir := filepath.FromSlash(use.Args[0])
		if !filepath.IsAbs(dir) {
			dir = filepath.Join(filepath.Dir(file), dir)
		}
		text, _ := os.ReadFile(filepath.Join(dir, "go.mod"))
		for _, d := range gomod.Directives(string(text)) {
			if d.Verb == "module" && len(d.Args) == 1 {
				p.modules[d.Args[0]] = dir
			}
		}
	}
}

// goEnvironment returns the directory of the module cache and the path of the go.work that the go
// command uses in a directory, or "" without the go command.
func goEnvironment(dir string) (cache, work string) {
	cmd := exec.Command("go", "env", "GOMODCACHE", "GOWORK")
	cmd.Dir = dir
	out, _ := cmd.Output()
	cache, work, _ = strings.Cut(strings.ReplaceAll(string(out), "\r\n", "\n"), "\n")
	return cache, strings.TrimSuffix(work, "\n")
}

// cached returns the directory of a module in the module cache, in which ! precedes a letter that is
// a capital.
func (p *packages) cached(module, version string) string {
	var escaped strings.Builder
	for _, r := range module + "@" + version {
		if 'A' <= r && r <= 'Z' {
			escaped.WriteByte('!')
			r += 'a' - 'A'
		}
		escaped.WriteRune(r)
	}
	return filepath.Join(p.cache, filepath.FromSlash(escaped.String()))
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
