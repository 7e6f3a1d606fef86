package skeleton

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/grpcservice/grpcservice/internal/golang"
)

// table is the import table of one file. It spells identifiers and records the imports that they
// require.
type table struct {
	m        *merger
	f        *file // nil for a new file
	outside  bool  // of package X_test
	reserved map[string]bool
	imports  map[string]bool  // certain and possible names of the file's imports
	locals   map[string]bool  // names in the added code, which would shadow imports
	added    map[string]added // imports by path
}

// added is an added import.
type added struct{ name, pkg string } // its name in the file, and the package's name

// newTable returns the table of a file.
func (m *merger) newTable(f *file, name string) *table {
	t := &table{m: m, f: f, reserved: make(map[string]bool), imports: make(map[string]bool), locals: make(map[string]bool),
		added: make(map[string]added)}
	for name := range m.own.names {
		t.reserved[name] = true
	}
	if f == nil {
		return t
	}
	for _, id := range f.ast.Unresolved {
		t.reserved[id.Name] = true
	}
	for _, spec := range f.imports {
		for _, name := range m.localNames(spec) {
			t.imports[name] = true
		}
	}
	return t
}

// take records names that code in the file uses.
func (t *table) take(names ...string) {
	for _, name := range names {
		t.locals[name] = true
	}
}

// reserve records names that the file's package declares.
func (t *table) reserve(names map[string]bool) { maps.Copy(t.reserved, names) }

// frame returns the frame for a piece of code.
func (m *merger) frame(t *table, receiver, typ string) golang.Frame {
	own := func(name string) string { return name }
	if t.outside {
		own = func(name string) string {
			return t.spell(golang.Ident{Name: name, Package: m.own.name, Path: m.own.path})
		}
	}
	return golang.Frame{Receiver: receiver, Type: m.receiverType(typ), New: len(m.own.types[typ]) == 0, Ident: t.spell, Own: own}
}

// spell spells an identifier.
func (t *table) spell(id golang.Ident) string {
	if id.Path == "" || id.Path == t.m.own.path && !t.outside {
		return id.Name
	}
	name := t.existing(id)
	if name == "" {
		name = t.added[id.Path].name
	}
	if name == "" {
		name = golang.ImportName(id, t.isFree)
		t.added[id.Path] = added{name, id.Package}
	}
	if name == "." {
		return id.Name
	}
	return name + "." + id.Name
}

// existing returns the name of an existing import of the package of id, or "".
func (t *table) existing(id golang.Ident) (best string) {
	if t.f == nil {
		return ""
	}
	for _, spec := range t.f.imports {
		if importPath(spec) != id.Path {
			continue
		}
		name := id.Package
		if spec.Name != nil {
			name = spec.Name.Name
		}
		if name != "_" && !t.locals[name] && (best == "" || best == ".") {
			best = name
		}
	}
	return best
}

func (t *table) isFree(name string) bool {
	if t.reserved[name] || t.imports[name] || t.locals[name] || name == "init" || name == "main" {
		return false
	}
	for _, other := range t.added {
		if other.name == name {
			return false
		}
	}
	return true
}

// lines returns the lines of the added imports: those of the standard library, and the others.
func (t *table) lines() (standard, others []line) {
	for _, importPath := range slices.Sorted(maps.Keys(t.added)) {
		called := t.added[importPath]
		name := golang.ImportAlias(golang.Ident{Package: called.pkg, Path: importPath}, called.name)
		add := line{path: importPath, name: name, text: strings.TrimSpace(fmt.Sprintf("%s %q", name, importPath))}
		if t.m.isStandard(importPath) {
			standard = append(standard, add)
		} else {
			others = append(others, add)
		}
	}
	return standard, others
}

// line is a line of an import declaration. The name is "" if the path shows it.
type line struct{ path, name, text string }

// spelling returns the frame that spells methods of a type in messages.
func (m *merger) spelling(f *file, typ string) golang.Frame {
	t := m.newTable(f, f.name)
	receiver := cmp.Or(m.receiverName(typ, nil), "s")
	t.take(receiver, "ctx", "req", "reqs")
	return m.frame(t, receiver, typ)
}
