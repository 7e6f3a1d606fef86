package skeleton

import (
	"slices"
	"strings"

	"github.com/grpcservice/grpcservice/internal/diag"
	"github.com/grpcservice/grpcservice/internal/golang"
)

// create makes a new file with the type that implements a service.
func (m *merger) create(svc Service) {
	e := m.newEdit(m.freeName(svc.File))
	for _, decl := range svc.Decls {
		if _, taken := m.own.names[decl.Name]; taken || m.hasMethod(decl.Name) || decl.Name != "" && m.isImported(decl.Name) {
			continue // svc.Type is free
		}
		e.pieces = append(e.pieces, piece{name: decl.Name, typ: svc.Type, render: decl.Render})
		m.declare(e, decl.Name)
	}
	m.asserted = append(m.asserted, assertion{typ: svc.Type, iface: named{[]golang.Ident{svc.Interface}, true}})
	for _, method := range svc.Methods {
		if !m.hasMethod(svc.Type + "." + method.Name) {
			m.addMethod(e, method, svc.Type)
		}
	}
	m.createTests(svc, e.name)
}

// hasMethod reports whether the package has a method of such a name as BookService.GetBook: also where the file with the type is gone,
// and one with methods is still there.
func (m *merger) hasMethod(name string) bool {
	typ, rpc, found := strings.Cut(name, ".")
	return found && slices.ContainsFunc(m.own.methodsOf(typ), func(have method) bool { return have.name.Name == rpc })
}

// declare takes note of a name that the package is going to have.
func (m *merger) declare(e *edit, name string) {
	if name != "" {
		m.own.names[name] = diag.At(e.path())
	}
}

// isImported reports whether a file of the package imports something by a name.
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

// createTests makes the file with the tests of a new type. It is left out where there is a file of this name.
func (m *merger) createTests(svc Service, beside string) {
	name := strings.TrimSuffix(beside, ".go") + "_test.go"
	if len(svc.Tests) == 0 || m.isTaken(name) {
		return
	}
	e := m.newEdit(name)
	e.test = true
	e.outside = m.own.name != "main" && m.own.path != "."
	for _, decl := range svc.Tests {
		if !m.hasTest(decl.Name) {
			e.pieces = append(e.pieces, piece{name: decl.Name, typ: svc.Type, render: decl.Render})
		}
	}
}

// hasTest reports whether a test of the package declares a name, or is going to.
func (m *merger) hasTest(name string) bool {
	if _, taken := m.own.names[name]; taken {
		return true
	}
	return m.outsideNames()[name] || slices.ContainsFunc(m.edits, func(e *edit) bool {
		return e.test && slices.ContainsFunc(e.pieces, func(p piece) bool { return p.name == name })
	})
}

// outsideNames returns what the package's outside tests declare.
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

// isTaken reports whether the directory has or is going to have a file of a name, also where capitals are small letters.
func (m *merger) isTaken(name string) bool {
	for other := range m.in.Files {
		if strings.EqualFold(other, name) {
			return true
		}
	}
	return slices.ContainsFunc(m.edits, func(e *edit) bool { return strings.EqualFold(e.name, name) })
}

// freeName returns the first name that a new file can have.
func (m *merger) freeName(wanted string) string {
	for name := range fileNames(wanted) {
		if !m.isTaken(name) {
			return name
		}
	}
	return wanted // not reached: there is no end of names
}

// destination returns the edit of the file that methods of a type go to: the file that declares it, or where that is not one
// file of the user's, one beside it.
func (m *merger) destination(svc Service, typ string) *edit {
	var files []*file
	for _, decl := range m.own.types[typ] {
		if !decl.file.test {
			files = append(files, decl.file)
		}
	}
	if len(files) == 1 && !files[0].generated {
		return m.editOf(files[0])
	}
	e := m.beside(svc, typ)
	for _, f := range files {
		if f.generated {
			m.problems.Warnf(f.at(f.ast.Name.Pos()), "the file that declares %s is generated, so its missing methods go to %s; declare it in a "+
				"file of your own", typ, e.path())
			break
		}
	}
	return e
}

// beside returns the edit of the file beside the one that declares typ: one that an earlier run made, or a new one.
func (m *merger) beside(svc Service, typ string) *edit {
	for name := range fileNames(svc.File) {
		if !m.isTaken(name) {
			return m.newEdit(name)
		}
		for _, e := range m.edits {
			if e.name == name && !e.test && slices.ContainsFunc(e.pieces, func(p piece) bool { return p.typ == typ }) {
				return e
			}
		}
		for _, have := range m.own.methodsOf(typ) {
			f := have.file
			declares := slices.ContainsFunc(m.own.types[typ], func(decl typeDecl) bool { return decl.file == f })
			if f.name == name && !f.test && !f.generated && !declares {
				return m.editOf(f)
			}
		}
	}
	return nil // not reached: there is no end of names
}
