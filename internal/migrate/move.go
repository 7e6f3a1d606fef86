package migrate

import (
	"cmp"
	"errors"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/scanner"
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
	if !n.at.IsValid() { // it concerns the whole file
		return n.at.Filename + ": " + n.text
	}
	return fmt.Sprintf("%s:%d:%d: %s", n.at.Filename, n.at.Line, n.at.Column, n.text)
}

// move returns the text of a file after what is safe, and what remains.
func move(f file, pkgs *packages, own declarations) (text string, notes []note) {
	set := token.NewFileSet()
	parsed, err := parser.ParseFile(set, f.path, f.text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		at, text := token.Position{Filename: f.path, Line: 1, Column: 1}, err.Error()
		if all := (scanner.ErrorList)(nil); errors.As(err, &all) && len(all) > 0 {
			at, text = all[0].Pos, all[0].Msg
		}
		return f.text, []note{{at, "this does not parse, so the file stays as it is: " + text}}
	}
	m := &mover{set: set, file: parsed, text: f.text, packages: pkgs, own: own, assumed: make(map[string]bool)}
	m.noteImports()
	for _, decl := range parsed.Decls {
		switch decl := decl.(type) {
		case *ast.FuncDecl:
			if decl.Body != nil {
				m.moveFunction(decl)
			}
		case *ast.GenDecl:
			m.noteVariables(decl)
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

	packages *packages
	own      declarations // those of the package of the file

	assumed map[string]bool // the packages that noteAssumption has reported
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

const byHand = "register its services with server.On(..., server.Compatible()) by hand"

// noteVariables reports servers that a package makes outside its functions.
func (m *mover) noteVariables(decl *ast.GenDecl) {
	grpc := m.importName(grpcPath)
	ast.Inspect(decl, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok && grpc != "" && isCallOf(call, grpc, "NewServer") {
			m.note(call.Pos(), "this server is a variable of the package; "+byHand)
		}
		return true
	})
}

// moveFunction registers the services of a function through server.On.
func (m *mover) moveFunction(fn *ast.FuncDecl) {
	grpc := m.importName(grpcPath)
	if grpc == "" || grpc == "." || grpc == "_" {
		return
	}
	declared := declaredIn(fn)
	if declared[grpc] > 0 {
		return // another thing has the name of the package here
	}
	found := m.registrations(fn)
	m.noteParameter(fn, grpc, found)
	made, others := m.madeServers(fn, grpc)
	for _, pos := range others {
		m.note(pos, "this server is not kept in a new variable by a line of its own; "+byHand)
	}
	used := usedIn(fn)
	for _, s := range made {
		m.moveServer(fn, s, declared, used, found)
	}
}

// moveServer registers the services of one server through server.On.
func (m *mover) moveServer(fn *ast.FuncDecl, s madeServer, declared map[string]int, used map[string]bool, found []registration) {
	if s.name == "_" || declared[s.name] > 1 {
		m.note(s.at, "several variables are called %s; %s", s.name, byHand)
		return
	}
	var calls []registration
	old := false
	for _, r := range found {
		switch {
		case r.server.Name != s.name:
		case r.old:
			old = true
			m.note(r.at, "%s takes a *grpc.Server; generate it with a newer protoc-gen-go-grpc, and run migrate again", r.name)
		default:
			calls = append(calls, r)
		}
	}
	moved := m.hasRegistrar(fn, s.name)
	switch {
	case len(calls) > 0 && moved:
		m.note(calls[0].at, "register this with what server.On(%s, ...) returns, as other services here", s.name)
	case len(calls) > 0:
		ours := m.freeName(used, "ours")
		m.register(s, calls, ours)
		m.noteShutdown(fn, s.name, ours)
	case !moved && !old:
		m.note(s.at, "no service is moved here; where one is registered, register it with server.On(%s, server.Compatible())", s.name)
	}
}

// madeServer is a statement that makes a *grpc.Server.
type madeServer struct {
	at, end token.Pos
	name    string // of the variable
}

// madeServers returns the statements of a function that assign grpc.NewServer to a new variable and
// end their line, and where else the function calls it.
func (m *mover) madeServers(fn *ast.FuncDecl, grpc string) (made []madeServer, others []token.Pos) {
	assigned := make(map[ast.Expr]bool)
	find := func(statements []ast.Stmt) {
		for _, statement := range statements {
			assign, ok := statement.(*ast.AssignStmt)
			if !ok || assign.Tok != token.DEFINE || len(assign.Lhs) != 1 || len(assign.Rhs) != 1 || !m.endsLine(assign.End()) {
				continue
			}
			if name, ok := assign.Lhs[0].(*ast.Ident); ok && isCallOf(assign.Rhs[0], grpc, "NewServer") {
				made = append(made, madeServer{assign.Pos(), assign.End(), name.Name})
				assigned[assign.Rhs[0]] = true
			}
		}
	}
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.BlockStmt:
			find(n.List)
		case *ast.CaseClause:
			find(n.Body)
		case *ast.CommClause:
			find(n.Body)
		case *ast.CallExpr:
			if isCallOf(n, grpc, "NewServer") && !assigned[n] {
				others = append(others, n.Pos())
			}
		}
		return true
	})
	return made, others
}

// endsLine reports whether only a comment of the same line follows a position.
func (m *mover) endsLine(pos token.Pos) bool {
	end := m.offset(pos)
	rest := strings.TrimSpace(m.text[end:m.lineEnd(end)])
	return rest == "" || strings.HasPrefix(rest, "//") ||
		strings.HasPrefix(rest, "/*") && strings.Index(rest, "*/") == len(rest)-len("*/")
}

// register adds the edits that register services through server.On.
func (m *mover) register(s madeServer, calls []registration, ours string) {
	end := m.lineEnd(m.offset(s.end)) // behind a comment in the same line
	m.insert(end, m.indentation(s.at)+fmt.Sprintf("%s := %s.On(%s, %s.Compatible())", ours, m.serverName(), s.name, m.serverName()))
	for _, r := range calls {
		m.noteAssumption(r)
		m.edits = append(m.edits, edit{m.offset(r.server.Pos()), m.offset(r.server.End()), ours})
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

// freeName returns a name that a function does not use.
func (m *mover) freeName(used map[string]bool, name string) string {
	for used[name] || m.importOf(name) != "" {
		name += "Server"
	}
	used[name] = true
	return name
}

// serverName returns the name of package server in the file. A variable or a type is often called
// server.
func (m *mover) serverName() string {
	if name := m.importName(serverPath); name != "" {
		return name
	}
	_, taken := m.own["server"]
	taken = taken || m.importOf("server") != ""
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

// usedIn returns all names in a function.
func usedIn(fn *ast.FuncDecl) map[string]bool {
	used := make(map[string]bool)
	ast.Inspect(fn, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			used[id.Name] = true
		}
		return true
	})
	return used
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
