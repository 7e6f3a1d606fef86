package skeleton

import (
	"bytes"
	"cmp"
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"slices"
	"strings"

	"github.com/grpcservice/grpcservice/internal/diag"
	"github.com/grpcservice/grpcservice/internal/golang"
)

// edit is what is to be added to one file.
type edit struct {
	dir, name string
	file      *file // nil for a new one
	test      bool
	outside   bool // it is of package X_test
	pieces    []piece
}

// piece is a piece of code.
type piece struct {
	method *Method // nil for other declarations
	name   string  // what it declares, as Decl has it
	typ    string  // the type that it is of
	render func(golang.Frame) (string, error)
}

func (e *edit) path() string { return path.Join(e.dir, e.name) }

func (m *merger) newEdit(name string) *edit {
	e := &edit{dir: m.in.Dir, name: name}
	m.edits = append(m.edits, e)
	return e
}

// editOf returns the edit of a file that is there.
func (m *merger) editOf(f *file) *edit {
	for _, e := range m.edits {
		if e.file == f {
			return e
		}
	}
	e := m.newEdit(f.name)
	e.file = f
	return e
}

// apply returns the content of a file after its edit, or nil if there is nothing to change.
func (m *merger) apply(e *edit) []byte {
	t := m.newTable(e.file, e.name)
	t.outside = e.outside
	if e.outside {
		t.reserve(m.outsideNames())
	}
	pieces, probes := m.probeAll(e, t)
	texts, ok := m.renderAll(e, pieces, probes, t)
	if !ok || len(texts) == 0 {
		return nil
	}
	if e.file == nil {
		return m.newFile(e, t, texts)
	}
	insertions := append(t.insertions(), insertion{len(e.file.src), tail(e.file.src, texts)})
	content := insert(e.file.src, insertions)
	if err := check(e, content, pieces, insertions); err != "" {
		m.problems.Errorf(diag.At(e.path()), "%s, so the file is unchanged; please report this with the file", err)
		return nil
	}
	return content
}

// probeAll probes the pieces of an edit, and returns those that can be added.
func (m *merger) probeAll(e *edit, t *table) (pieces []piece, probes []probe) {
	for _, piece := range e.pieces {
		probe, err := m.probe(piece)
		if err != nil {
			m.problems.Errorf(diag.At(e.path()), "the template's code cannot be added: %s", oneLine(err.Error()))
			continue
		}
		if name, place := m.hidden(piece, probe, t); name != "" {
			m.problems.Warnf(place, "%s is declared here, so code that needs Go's %s cannot be added to %s; rename it", name, name, e.path())
			if e.file == nil {
				return nil, nil
			}
			continue
		}
		pieces, probes = append(pieces, piece), append(probes, probe)
	}
	if e.file == nil && len(pieces) < len(e.pieces) {
		return nil, nil // half a new file is worse than none
	}
	return pieces, probes
}

// hidden returns a name of Go's that a piece needs and that the user has given to something else.
func (m *merger) hidden(p piece, probe probe, t *table) (string, diag.Position) {
	for _, name := range probe.names {
		if !golang.IsPredeclared(name) {
			continue
		}
		if place, found := m.own.names[name]; found && !t.outside {
			return name, place
		}
		if slices.Contains(m.typeParams(p.typ), name) {
			return name, m.own.names[p.typ]
		}
		if t.imports[name] {
			return name, t.f.at(t.f.ast.Name.Pos())
		}
	}
	return "", diag.Position{}
}

// renderAll renders the pieces of an edit with the names of its file.
func (m *merger) renderAll(e *edit, pieces []piece, probes []probe, t *table) (texts []string, ok bool) {
	var receivers []string
	for i, piece := range pieces {
		taken := make(map[string]bool)
		for _, name := range slices.Concat(probes[i].names, m.typeParams(piece.typ)) {
			taken[name] = true
		}
		receivers = append(receivers, cmp.Or(m.receiverName(piece.typ, taken), "receiver"))
		t.take(receivers[i])
		t.take(m.typeParams(piece.typ)...)
		t.take(probes[i].names...)
	}
	for i, piece := range pieces {
		text, err := piece.render(m.frame(t, receivers[i], piece.typ))
		formatted, err2 := golang.Format([]byte("package p\n\n" + text))
		if err = cmp.Or(err, err2); err != nil {
			m.problems.Errorf(diag.At(e.path()), "the template's code cannot be added: %s", oneLine(err.Error()))
			return nil, false
		}
		_, body, _ := strings.Cut(string(formatted), "\n")
		texts = append(texts, strings.Trim(body, "\n"))
	}
	return texts, true
}

// insertion is text to be inserted into a file.
type insertion struct {
	offset int
	text   string
}

// insert returns src with all insertions, those at the same place in their order.
func insert(src []byte, insertions []insertion) []byte {
	slices.SortStableFunc(insertions, func(a, b insertion) int { return cmp.Compare(a.offset, b.offset) })
	crlf := bytes.Count(src, []byte("\r\n"))*2 > bytes.Count(src, []byte("\n"))
	var out bytes.Buffer
	last := 0
	for _, in := range insertions {
		out.Write(src[last:in.offset])
		if crlf {
			in.text = strings.ReplaceAll(in.text, "\n", "\r\n")
		}
		out.WriteString(in.text)
		last = in.offset
	}
	out.Write(src[last:])
	return out.Bytes()
}

// tail returns what is inserted at the end of a file: declarations, an empty line before each.
func tail(src []byte, texts []string) string {
	end := bytes.Count(src[len(bytes.TrimRight(src, " \t\r\n")):], []byte("\n"))
	return strings.Repeat("\n", max(0, 2-end)) + strings.Join(texts, "\n\n") + "\n"
}

// check says what is wrong with the new content of a file, if anything is: all that was there must still be there, in its order, and
// all methods must have come to it.
func check(e *edit, content []byte, pieces []piece, insertions []insertion) string {
	if !isSubsequence(e.file.src, content) {
		return "the change would have lost code of the file"
	}
	tree, err := parser.ParseFile(token.NewFileSet(), e.name, content, parser.SkipObjectResolution)
	if err != nil {
		return "the changed file would not parse: " + oneLine(err.Error())
	}
	added := len(tree.Decls) - len(e.file.ast.Decls) - len(pieces)
	if added < 0 || added > len(insertions) || tree.Name.Name != e.file.ast.Name.Name || !strings.HasPrefix(string(content), leading(e.file)) {
		return "the change would have altered the meaning of code in the file"
	}
	for _, piece := range pieces {
		count := 0
		for _, decl := range tree.Decls {
			if isMethod(decl, piece.typ, piece.method.Name) {
				count++
			}
		}
		if count != 1 {
			return "method " + piece.method.Name + " would not have been added to the file"
		}
	}
	return ""
}

// leading returns what a file begins with, its package clause included.
func leading(f *file) string { return string(f.src[:f.offset(f.ast.Name.End())]) }

// isMethod reports whether a declaration is of a method of that name of a type of that name.
func isMethod(decl ast.Decl, typ, name string) bool {
	fn, ok := decl.(*ast.FuncDecl)
	if !ok || fn.Recv == nil || fn.Name.Name != name {
		return false
	}
	base, _ := receiverOf(fn.Recv)
	return base == typ
}

// isSubsequence reports whether all bytes of short are in long, in their order.
func isSubsequence(short, long []byte) bool {
	for _, b := range long {
		if len(short) > 0 && short[0] == b {
			short = short[1:]
		}
	}
	return len(short) == 0
}
