package skeleton

import (
	"go/ast"
	"slices"
	"strings"

	"github.com/grpcservice/grpcservice/internal/diag"
)

// outsideNames returns the names that the package's outside tests declare.
func (m *merger) outsideNames() map[string]bool {
	names := make(map[string]bool)
	p := &pkg{types: make(map[string][]typeDecl), names: make(map[string]diag.Position)}
	for _, f := range m.own.outside {
		for _, decl := range f.ast.Decls {
			p.addDecl(f, decl)
		}
	}
	for name := range p.names {
		names[name] = true
	}
	return names
}

// hasMethod reports whether the package has a method of a name such as BookService.GetBook, even if
// the type is missing.
func (m *merger) hasMethod(name string) bool {
	typ, rpc, found := strings.Cut(name, ".")
	return found && slices.ContainsFunc(m.own.methodsOf(typ), func(have method) bool { return have.name.Name == rpc })
}

// isImported reports whether a file of the package has an import of that name.
func (m *merger) isImported(name string) bool {
	return slices.ContainsFunc(m.own.files, func(f *file) bool {
		for _, spec := range f.imports {
			if m.isCalled(spec, name) {
				return true
			}
		}
		return false
	})
}

// isTaken reports whether the directory has, or will have, a file of that name, regardless of case.
func (m *merger) isTaken(name string) bool {
	for other := range m.in.Files {
		if strings.EqualFold(other, name) {
			return true
		}
	}
	return slices.ContainsFunc(m.edits, func(e *edit) bool { return strings.EqualFold(e.name, name) })
}

// freeName returns the first free name for a new file.
func (m *merger) freeName(wanted string) string {
	for name := range fileNames(wanted) {
		if !m.isTaken(name) {
			return name
		}
	}
	return wanted // not reached: fileNames does not end
}

// declare records a name that the package will have.
func (m *merger) declare(e *edit, name string) {
	if name != "" {
		m.own.names[name] = diag.At(e.path())
	}
}

// hasTest reports whether a test of the package declares a name, or will.
func (m *merger) hasTest(name string) bool {
	if _, taken := m.own.names[name]; taken {
		return true
	}
	return m.outsideNames()[name] || slices.ContainsFunc(m.edits, func(e *edit) bool {
		return e.test && slices.ContainsFunc(e.pieces, func(p piece) bool { return p.name == name })
	})
}

// isCalled reports whether an import may have a name.
func (m *merger) isCalled(spec *ast.ImportSpec, name string) bool {
	for _, local := range m.localNames(spec) {
		if local == name {
			return true
		}
	}
	return false
}
