package skeleton

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/grpcservice/grpcservice/internal/diag"
)

// pkg is a parsed package.
type pkg struct {
	dir, path, name string

	files   []*file // of the package, including tests
	outside []*file // of package X_test
	types   map[string][]typeDecl
	methods []method
	names   map[string]diag.Position // the declared names and their positions
	broken  bool                     // a file has syntax errors, so the package is known only in part
}

// file is a parsed file.
type file struct {
	dir, name string
	src       []byte
	fset      *token.FileSet
	ast       *ast.File
	imports   []*ast.ImportSpec
	test      bool
	generated bool // a program writes it
}

type typeDecl struct {
	file *file
	spec *ast.TypeSpec
}

type method struct {
	file    *file
	base    string // the receiver's type, as written
	name    *ast.Ident
	typ     *ast.FuncType
	recv    *ast.FieldList // nil for a method of an interface
	tparams []string       // the receiver's type parameters
}

// parsePackage parses a directory, and warns of problems in its files.
func parsePackage(in Package, problems *diag.List) *pkg {
	p := &pkg{dir: in.Dir, path: in.ImportPath, types: make(map[string][]typeDecl), names: make(map[string]diag.Position)}
	var files []*file
	for _, name := range slices.Sorted(maps.Keys(in.Files)) {
		if isIgnoredName(name) || isLeftOut(in.Files[name]) {
			continue
		}
		f, err := parseFile(in.Dir, name, in.Files[name])
		if err != nil {
			p.broken = true
			warnSyntax(problems, path.Join(in.Dir, name), in.Files[name], err)
			continue
		}
		files = append(files, f)
	}
	p.name = packageName(in.Name, files)
	for _, f := range files {
		p.add(f, problems)
	}
	return p
}

// parseFile parses a file.
func parseFile(dir, name string, src []byte) (*file, error) {
	fset := token.NewFileSet()
	tree, err := parser.ParseFile(fset, name, src, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	f := &file{dir: dir, name: name, src: src, fset: fset, ast: tree, imports: tree.Imports,
		test: strings.HasSuffix(name, "_test.go"), generated: ast.IsGenerated(tree)}
	return f, nil
}

// warnSyntax warns of a file with syntax errors. It ignores //line directives in the position.
func warnSyntax(problems *diag.List, path string, src []byte, err error) {
	at := diag.At(path)
	reason := err.Error()
	var list scanner.ErrorList
	if errors.As(err, &list) && len(list) > 0 {
		reason = list[0].Msg
		before := string(src[:min(list[0].Pos.Offset, len(src))])
		at.Line = strings.Count(before, "\n") + 1
		at.Column = len(before) - strings.LastIndex(before, "\n")
	}
	problems.Warnf(at, "the file does not parse: %s; nothing is added to its package until it does", oneLine(reason))
}

// packageName returns the package name of most files, or wanted if there are no files.
func packageName(wanted string, files []*file) string {
	count := make(map[string]int)
	for _, tests := range []bool{false, true} {
		for _, f := range files {
			if name := f.ast.Name.Name; f.test == tests && name != "documentation" {
				count[f.packageName()]++
			}
		}
		if len(count) > 0 {
			break
		}
	}
	best := wanted
	for _, name := range slices.Sorted(maps.Keys(count)) {
		if count[name] > count[best] {
			best = name
		}
	}
	return best
}

// packageName returns the package name of a file; for an outside test, that of the package under
// test.
func (f *file) packageName() string {
	if f.test {
		return strings.TrimSuffix(f.ast.Name.Name, "_test")
	}
	return f.ast.Name.Name
}

// add adds a file to the package if it belongs to it.
func (p *pkg) add(f *file, problems *diag.List) {
	name := f.ast.Name.Name
	switch {
	case name == p.name:
		p.files = append(p.files, f)
		for _, decl := range f.ast.Decls {
			p.addDecl(f, decl)
		}
	case f.test && name == p.name+"_test":
		p.outside = append(p.outside, f)
	case name != "documentation":
		problems.Warnf(f.at(f.ast.Name.Pos()), "the file is in package %s, and others in its directory are in package %s, so Go does not "+
			"build the directory; move or rename one of them", name, p.name)
	}
}

// addDecl records what a declaration declares.
func (p *pkg) addDecl(f *file, decl ast.Decl) {
	switch decl := decl.(type) {
	case *ast.FuncDecl:
		if decl.Recv == nil {
			p.addName(f, decl.Name)
		} else if base, tparams := receiverOf(decl.Recv); base != "" {
			p.methods = append(p.methods, method{f, base, decl.Name, decl.Type, decl.Recv, tparams})
		}
	case *ast.GenDecl:
		for _, spec := range decl.Specs {
			switch spec := spec.(type) {
			case *ast.TypeSpec:
				p.addName(f, spec.Name)
				p.types[spec.Name.Name] = append(p.types[spec.Name.Name], typeDecl{f, spec})
			case *ast.ValueSpec:
				for _, name := range spec.Names {
					p.addName(f, name)
				}
			}
		}
	}
}

func (p *pkg) addName(f *file, name *ast.Ident) {
	if _, found := p.names[name.Name]; !found && name.Name != "_" && name.Name != "init" {
		p.names[name.Name] = f.at(name.Pos())
	}
}

// receiverOf returns the base type of a receiver and the names of its type parameters.
func receiverOf(list *ast.FieldList) (base string, tparams []string) {
	if len(list.List) == 0 {
		return "", nil
	}
	expr := list.List[0].Type
	for {
		switch e := expr.(type) {
		case *ast.ParenExpr:
			expr = e.X
		case *ast.StarExpr:
			expr = e.X
		case *ast.IndexExpr:
			expr, tparams = e.X, append(tparams, identNames(e.Index)...)
		case *ast.IndexListExpr:
			expr, tparams = e.X, append(tparams, identNames(e.Indices...)...)
		case *ast.Ident:
			return e.Name, tparams
		default:
			return "", nil
		}
	}
}

func identNames(exprs ...ast.Expr) (names []string) {
	for _, expr := range exprs {
		if id, ok := expr.(*ast.Ident); ok {
			names = append(names, id.Name)
		}
	}
	return names
}

// at returns the position of pos.
func (f *file) at(pos token.Pos) diag.Position {
	place := f.fset.PositionFor(pos, false)
	return diag.Position{Path: path.Join(f.dir, f.name), Line: place.Line, Column: place.Column}
}

// offset returns the byte offset of pos.
func (f *file) offset(pos token.Pos) int { return f.fset.PositionFor(pos, false).Offset }

// importPath returns the path of an import.
func importPath(spec *ast.ImportSpec) string {
	path, _ := strconv.Unquote(spec.Path.Value) // checked by the parser
	return path
}

// oneLine joins the lines of a text.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
