package skeleton

import (
	"bytes"
	"cmp"
	"go/ast"
	"go/token"
	"strings"
)

// insertions returns the imports to add to an existing file.
func (t *table) insertions() []insertion {
	standard, others := t.lines()
	if len(standard)+len(others) == 0 {
		return nil
	}
	if block := t.f.block(); block != nil {
		return t.f.intoBlock(block, t.m, standard, others)
	}
	text := "import (\n" + joinGroups(standard, others) + ")"
	if len(standard)+len(others) == 1 {
		text = "import " + append(standard, others...)[0].text
	}
	after := t.f.ast.Name.End()
	for _, decl := range t.f.ast.Decls {
		if isImport(decl) {
			after = decl.End()
		}
	}
	if end, ok := t.f.restOfLine(after); ok {
		return []insertion{{end, "\n\n" + text}}
	}
	return []insertion{{t.f.offset(after), "\n\n" + text}}
}

func isImport(decl ast.Decl) bool {
	gen, ok := decl.(*ast.GenDecl)
	return ok && gen.Tok == token.IMPORT
}

// block returns the first import declaration with parentheses that is not cgo's, or nil.
func (f *file) block() *ast.GenDecl {
	for _, decl := range f.ast.Decls {
		if isImport(decl) && decl.(*ast.GenDecl).Lparen.IsValid() && !isCgo(decl.(*ast.GenDecl)) {
			return decl.(*ast.GenDecl)
		}
	}
	return nil
}

func isCgo(decl *ast.GenDecl) bool {
	for _, spec := range decl.Specs {
		if importPath(spec.(*ast.ImportSpec)) == "C" {
			return true
		}
	}
	return false
}

// group is a run of imports without an empty line between them.
type group []*ast.ImportSpec

// groups returns the groups of an import declaration, or nil if several imports share a line.
func (f *file) groups(block *ast.GenDecl) (groups []group) {
	end := f.offset(block.Lparen)
	for i, spec := range block.Specs {
		spec := spec.(*ast.ImportSpec)
		begin := f.lineStart(f.specStart(spec))
		if begin <= end || f.inComment(begin) {
			return nil
		}
		if i == 0 || bytes.Count(f.src[end:f.specStart(spec)], []byte("\n")) > 1 {
			groups = append(groups, nil)
		}
		groups[len(groups)-1] = append(groups[len(groups)-1], spec)
		end = f.offset(spec.End())
	}
	if begin := f.lineStart(f.offset(block.Rparen)); begin <= end || f.inComment(begin) {
		return nil
	}
	return groups
}

// specStart returns the offset of an import, including its comment.
func (f *file) specStart(spec *ast.ImportSpec) int {
	if spec.Doc != nil {
		return f.offset(spec.Doc.Pos())
	}
	return f.offset(spec.Pos())
}

// lineStart returns the offset of the start of a line.
func (f *file) lineStart(offset int) int { return bytes.LastIndexByte(f.src[:offset], '\n') + 1 }

// inComment reports whether an offset is inside a comment.
func (f *file) inComment(offset int) bool {
	for _, group := range f.ast.Comments {
		for _, comment := range group.List {
			if f.offset(comment.Pos()) < offset && offset < f.offset(comment.Pos())+f.length(comment) {
				return true
			}
		}
	}
	return false
}

// length returns the length of a comment in the file. Its text may be shorter, because it has no
// carriage returns.
func (f *file) length(comment *ast.Comment) int {
	rest := f.src[f.offset(comment.Pos()):]
	end := []byte("*/")
	if strings.HasPrefix(comment.Text, "//") {
		end = []byte("\n")
	}
	if i := bytes.Index(rest, end); i >= 0 {
		return i + len(end)
	}
	return len(rest)
}

// restOfLine returns the end of pos's line, if only space and comments that end on the line follow
// pos.
func (f *file) restOfLine(pos token.Pos) (end int, ok bool) {
	begin := f.offset(pos)
	end = len(f.src)
	if i := bytes.IndexByte(f.src[begin:], '\n'); i >= 0 {
		end = begin + i
	}
	rest := strings.TrimSpace(string(f.src[begin:end]))
	if rest != "" && !strings.HasPrefix(rest, "//") || f.inComment(end) && !strings.HasPrefix(rest, "//") {
		return 0, false
	}
	if end > begin && f.src[end-1] == '\r' {
		end--
	}
	return end, true
}

// intoBlock returns the insertions that add imports to a declaration with parentheses.
func (f *file) intoBlock(block *ast.GenDecl, m *merger, standard, others []line) (list []insertion) {
	groups := f.groups(block)
	if len(groups) == 0 {
		return []insertion{{f.offset(block.Rparen), "\n" + joinGroups(standard, others)}}
	}
	first, end := f.lineStart(f.specStart(groups[0][0])), f.lineStart(f.offset(block.Rparen))
	before, within := f.intoGroups(standard, func(line) group { return standardGroup(m, groups) })
	after, more := f.intoGroups(others, func(add line) group { return otherGroup(m, groups, add.path) })
	if len(before) > 0 {
		list = append(list, insertion{first, joinGroups(before) + "\n"})
	}
	list = append(append(list, within...), more...)
	if len(after) > 0 {
		list = append(list, insertion{end, "\n" + joinGroups(after)})
	}
	return list
}

// intoGroups returns the insertions for lines that have a group, and the other lines.
func (f *file) intoGroups(lines []line, groupOf func(line) group) (rest []line, list []insertion) {
	for _, add := range lines {
		if g := groupOf(add); g != nil {
			list = append(list, f.intoGroup(g, add))
		} else {
			rest = append(rest, add)
		}
	}
	return rest, list
}

// standardGroup returns the group for imports of the standard library: the one with such imports,
// or the only group.
func standardGroup(m *merger, groups []group) group {
	for _, g := range groups {
		if count(m, g) == len(g) {
			return g
		}
	}
	if len(groups) == 1 && count(m, groups[0]) > 0 {
		return groups[0]
	}
	return nil
}

// count returns the number of imports of the standard library in a group.
func count(m *merger, g group) (n int) {
	for _, spec := range g {
		if m.isStandard(importPath(spec)) {
			n++
		}
	}
	return n
}

// otherGroup returns the group for another import: the one with the most similar path.
func otherGroup(m *merger, groups []group, path string) (best group) {
	most := -1
	for _, g := range groups {
		for _, spec := range g {
			if common := commonWords(importPath(spec), path); !m.isStandard(importPath(spec)) && common > most {
				best, most = g, common
			}
		}
	}
	return best
}

// commonWords returns the number of leading elements that two paths have in common.
func commonWords(a, b string) int {
	words, others := strings.Split(a, "/"), strings.Split(b, "/")
	n := 0
	for n < min(len(words), len(others)) && words[n] == others[n] {
		n++
	}
	return n
}

// intoGroup returns the insertion that adds a line to a group, which gofmt keeps sorted.
func (f *file) intoGroup(g group, add line) insertion {
	for _, spec := range g {
		name := ""
		if spec.Name != nil {
			name = spec.Name.Name
		}
		if cmp.Or(strings.Compare(importPath(spec), add.path), strings.Compare(name, add.name)) > 0 {
			return insertion{f.lineStart(f.specStart(spec)), "\t" + add.text + "\n"}
		}
	}
	end := f.offset(g[len(g)-1].End())
	return insertion{end + bytes.IndexByte(f.src[end:], '\n') + 1, "\t" + add.text + "\n"}
}

// joinGroups returns the lines of groups, with an empty line between groups.
func joinGroups(groups ...[]line) string {
	var texts []string
	for _, group := range groups {
		text := ""
		for _, line := range group {
			text += "\t" + line.text + "\n"
		}
		if text != "" {
			texts = append(texts, text)
		}
	}
	return strings.Join(texts, "\n")
}
