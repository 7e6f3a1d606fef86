package migrate

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Import paths.
const (
	grpcPath   = "google.golang.org/grpc"
	serverPath = "github.com/grpcservice/grpcservice/runtime/server"
)

// note is something that a person must do.
type note struct {
	at   token.Position
	text string
}

func (n note) String() string {
	return fmt.Sprintf("%s:%d:%d: %s", n.at.Filename, n.at.Line, n.at.Column, n.text)
}

// move returns the text of a file after what is safe, and what remains.
func move(f file) (text string, notes []note) {
	set := token.NewFileSet()
	parsed, err := parser.ParseFile(set, f.path, f.text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return f.text, []note{{token.Position{Filename: f.path, Line: 1, Column: 1}, fmt.Sprintf("it does not parse, so it stays as it is: %v", err)}}
	}
	m := &mover{set: set, file: parsed, text: f.text}
	m.noteImports()
	for _, decl := range parsed.Decls {
		if fn, ok := decl.(*ast.FuncDecl); ok && fn.Body != nil {
			m.moveFunction(fn)
		}
	}
	if len(m.edits) == 0 {
		return f.text, m.notes
	}
	m.addImport()
	edited := m.edited()
	formatted, err := format.Source([]byte(edited))
	if err != nil { // a fault of ours
		m.note(parsed.Package, "the moved file would not parse, so it stays as it is: %v", err)
		return f.text, m.notes
	}
	if before, err := format.Source([]byte(f.text)); err == nil && string(before) == f.text {
		return string(formatted), m.notes
	}
	return edited, m.notes // it was not formatted, so other lines would change
}

// mover moves one file.
type mover struct {
	set   *token.FileSet
	file  *ast.File
	text  string
	edits []edit
	notes []note
}

// edit replaces a part of the text.
type edit struct {
	from, to int // offsets
	text     string
}

func (m *mover) offset(pos token.Pos) int { return m.set.Position(pos).Offset }

func (m *mover) note(pos token.Pos, format string, args ...any) {
	m.notes = append(m.notes, note{m.set.Position(pos), fmt.Sprintf(format, args...)})
}

// edited returns the text with all edits.
func (m *mover) edited() string {
	slices.SortFunc(m.edits, func(a, b edit) int { return cmp.Compare(b.from, a.from) })
	text := m.text
	for _, e := range m.edits {
		text = text[:e.from] + e.text + text[e.to:]
	}
	return text
}

// importName returns the name of an imported package in the file, or "".
func (m *mover) importName(importPath string) string {
	for _, spec := range m.file.Imports {
		if p, err := strconv.Unquote(spec.Path.Value); err != nil || p != importPath {
			continue
		}
		if spec.Name == nil {
			return path.Base(importPath)
		}
		return spec.Name.Name
	}
	return ""
}

// importOf returns the import path of the package that the file knows by a name, or "".
func (m *mover) importOf(name string) string {
	for _, spec := range m.file.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue
		}
		if spec.Name != nil && spec.Name.Name == name || spec.Name == nil && path.Base(p) == name {
			return p
		}
	}
	return ""
}

// moveFunction registers the services of a function through server.On.
func (m *mover) moveFunction(fn *ast.FuncDecl) {
	grpc := m.importName(grpcPath)
	if grpc == "" || grpc == "." || grpc == "_" {
		return
	}
	names := declaredIn(fn)
	if names[grpc] > 0 {
		return // another thing has the name of the package here
	}
	made, others := madeServers(fn, grpc)
	for _, pos := range others {
		m.note(pos, "this server is not kept in a new variable; register its services with server.On(..., server.Compatible()) by hand")
	}
	for _, s := range made {
		calls := m.registrations(fn, s.name)
		switch {
		case s.name == "_" || names[s.name] > 1:
			m.note(s.at, "several variables are called %s; register the services with server.On(..., server.Compatible()) by hand", s.name)
		case len(calls) == 0:
			m.note(s.at, "no service is registered here; where it is, register it with server.On(%s, server.Compatible())", s.name)
		default:
			m.register(s, calls, m.freeName(names, "ours"))
		}
	}
}

// madeServer is a statement that makes a *grpc.Server.
type madeServer struct {
	at, end token.Pos
	name    string // of the variable
}

// madeServers returns the statements of a function that assign grpc.NewServer to a new variable, and
// where else the function calls it.
func madeServers(fn *ast.FuncDecl, grpc string) (made []madeServer, others []token.Pos) {
	assigned := make(map[ast.Expr]bool)
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		if assign, ok := n.(*ast.AssignStmt); ok && assign.Tok == token.DEFINE && len(assign.Lhs) == 1 && len(assign.Rhs) == 1 {
			if name, ok := assign.Lhs[0].(*ast.Ident); ok && isCallOf(assign.Rhs[0], grpc, "NewServer") {
				made = append(made, madeServer{assign.Pos(), assign.End(), name.Name})
				assigned[assign.Rhs[0]] = true
			}
		}
		if call, ok := n.(*ast.CallExpr); ok && isCallOf(call, grpc, "NewServer") && !assigned[call] {
			others = append(others, call.Pos())
		}
		return true
	})
	return made, others
}

func isCallOf(e ast.Expr, pkg, name string) bool {
	call, ok := e.(*ast.CallExpr)
	if !ok {
		return false
	}
	selector, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || selector.Sel.Name != name {
		return false
	}
	x, ok := selector.X.(*ast.Ident)
	return ok && x.Name == pkg
}

// registers reports whether protoc-gen-go-grpc names a function so that registers a service.
func registers(name string) bool {
	service, is := strings.CutPrefix(name, "Register")
	return is && strings.HasSuffix(service, "Server") && service != "Server"
}

// registrations returns the first arguments of the calls in a function that register a generated
// service with a variable. Those of grpc's own services are not among them: the pipeline has health
// and reflection.
func (m *mover) registrations(fn *ast.FuncDecl, variable string) (args []*ast.Ident) {
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || len(call.Args) != 2 {
			return true
		}
		selector, ok := call.Fun.(*ast.SelectorExpr)
		if !ok || !registers(selector.Sel.Name) {
			return true
		}
		pkg, isName := selector.X.(*ast.Ident)
		arg, isVariable := call.Args[0].(*ast.Ident)
		if isName && isVariable && arg.Name == variable && !strings.HasPrefix(m.importOf(pkg.Name), grpcPath+"/") {
			args = append(args, arg)
		}
		return true
	})
	return args
}

// register adds the edits that register services through server.On.
func (m *mover) register(s madeServer, args []*ast.Ident, ours string) {
	end := m.lineEnd(m.offset(s.end)) // behind a comment in the same line
	m.insert(end, m.indentation(s.at)+fmt.Sprintf("%s := %s.On(%s, %s.Compatible())", ours, m.serverName(), s.name, m.serverName()))
	for _, arg := range args {
		m.edits = append(m.edits, edit{m.offset(arg.Pos()), m.offset(arg.End()), ours})
	}
}

// insert adds a line after the one that ends at an offset, with the same line end.
func (m *mover) insert(at int, line string) {
	newline := "\n"
	if at > 0 && m.text[at-1] == '\r' {
		at, newline = at-1, "\r\n"
	}
	m.edits = append(m.edits, edit{at, at, newline + line})
}

// lineEnd returns where the line of an offset ends.
func (m *mover) lineEnd(offset int) int {
	if newline := strings.IndexByte(m.text[offset:], '\n'); newline >= 0 {
		return offset + newline
	}
	return len(m.text)
}

// indentation returns what the line of a position starts with.
func (m *mover) indentation(pos token.Pos) string {
	offset := m.offset(pos)
	line := m.text[strings.LastIndexByte(m.text[:offset], '\n')+1 : offset]
	return line[:len(line)-len(strings.TrimLeft(line, " \t"))]
}

// freeName returns a name that a function does not declare.
func (m *mover) freeName(names map[string]int, name string) string {
	for names[name] > 0 || m.importOf(name) != "" {
		name += "Server"
	}
	names[name]++
	return name
}

// serverName returns the name of package server in the file. A variable is often called server.
func (m *mover) serverName() string {
	if name := m.importName(serverPath); name != "" {
		return name
	}
	taken := m.importOf("server") != ""
	ast.Inspect(m.file, func(n ast.Node) bool {
		id, ok := n.(*ast.Ident)
		taken = taken || ok && id.Name == "server"
		return !taken
	})
	if taken {
		return "grpcserver"
	}
	return "server"
}

// addImport imports package server.
func (m *mover) addImport() {
	if m.importName(serverPath) != "" {
		return
	}
	spec := strconv.Quote(serverPath)
	if name := m.serverName(); name != "server" {
		spec = name + " " + spec
	}
	for _, decl := range m.file.Decls {
		imports, ok := decl.(*ast.GenDecl)
		if !ok || imports.Tok != token.IMPORT || len(imports.Specs) == 0 {
			continue
		}
		last := imports.Specs[len(imports.Specs)-1].(*ast.ImportSpec)
		for _, s := range imports.Specs {
			if s := s.(*ast.ImportSpec); s.Path.Value == strconv.Quote(grpcPath) {
				last = s
			}
		}
		end := m.offset(last.End())
		if !imports.Lparen.IsValid() {
			m.insert(m.lineEnd(end), "import "+spec)
			return
		}
		m.insert(m.lineEnd(end), m.indentation(last.Pos())+spec)
		return
	}
}

// declaredIn counts how often a function declares each name.
func declaredIn(fn *ast.FuncDecl) map[string]int {
	names := make(map[string]int)
	count := func(e ast.Expr) {
		if id, ok := e.(*ast.Ident); ok {
			names[id.Name]++
		}
	}
	ast.Inspect(fn, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			if n.Tok == token.DEFINE {
				for _, e := range n.Lhs {
					count(e)
				}
			}
		case *ast.ValueSpec:
			for _, id := range n.Names {
				count(id)
			}
		case *ast.RangeStmt:
			if n.Tok == token.DEFINE {
				count(n.Key)
				count(n.Value)
			}
		case *ast.Field:
			for _, id := range n.Names {
				count(id)
			}
		}
		return true
	})
	return names
}
