package skeleton

import (
	"cmp"
	"go/parser"
	"go/token"
	"slices"
	"strings"

	"github.com/grpcservice/grpcservice/internal/diag"
	"github.com/grpcservice/grpcservice/internal/golang"
)

// apply returns the content of a file after its edit, or nil if it does not change.
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
		return nil, nil // no file is better than half of one
	}
	return pieces, probes
}

// hidden returns a predeclared name that a piece needs and that the user has redeclared.
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

// check returns what is wrong with the new content of a file, or "": it must have all bytes of the
// old content in their order, and all methods.
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

// leading returns the start of a file, up to and including its package clause.
func leading(f *file) string { return string(f.src[:f.offset(f.ast.Name.End())]) }

// isSubsequence reports whether long has all bytes of short, in their order.
func isSubsequence(short, long []byte) bool {
	for _, b := range long {
		if len(short) > 0 && short[0] == b {
			short = short[1:]
		}
	}
	return len(short) == 0
}
