package skeleton

import (
	"slices"
)

// addMethod adds a method to an edit, and reports its advice.
func (m *merger) addMethod(e *edit, method Method, typ string) {
	e.pieces = append(e.pieces, piece{method: &method, typ: typ, render: method.Render})
	if method.Advice != "" {
		m.problems.Advisef(method.Proto, "%s", method.Advice)
	}
}

// destination returns the edit of the file that receives the methods of a type: the file that
// declares it, or a file beside it if several files, or a generated one, declare it.
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
			m.problems.Warnf(f.at(f.ast.Name.Pos()), "the file that declares %s is generated, so its missing methods go to %s; declare it in "+
				"your own file", typ, e.path())
			break
		}
	}
	return e
}

// beside returns the edit of the file beside the one that declares typ: the file of an earlier run,
// or a new one.
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
	return nil // not reached: fileNames does not end
}
