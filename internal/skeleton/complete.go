package skeleton

import (
	"go/ast"
	"slices"
	"strings"
)

// complete adds the methods that a type lacks to implement a service, and warns of those with a
// different signature.
func (m *merger) complete(svc Service, typ string) {
	m.warnOfDrift(svc, typ)
	missing := m.missing(typ, svc)
	if m.warnOfPromoted(svc, typ); len(missing) == 0 {
		return
	}
	unknown := m.promotedOf(typ).unknown
	var e *edit
	for _, method := range missing {
		if m.warnOfField(method, typ) || m.warnOfUnknown(method, typ, unknown) || m.isAdded(typ, method.Name) {
			continue
		}
		if e == nil {
			e = m.destination(svc, typ)
		}
		m.addMethod(e, method, typ)
	}
}

// isAdded reports whether this run already adds a method for another service of the type.
func (m *merger) isAdded(typ, name string) bool {
	return slices.ContainsFunc(m.edits, func(e *edit) bool {
		return slices.ContainsFunc(e.pieces, func(p piece) bool { return p.method != nil && p.typ == typ && p.method.Name == name })
	})
}

// warnOfDrift warns of methods whose signature differs from that of their RPC.
func (m *merger) warnOfDrift(svc Service, typ string) {
	for _, have := range m.own.methodsOf(typ) {
		for _, want := range svc.Methods {
			if have.name.Name == want.Name && m.serves(m.own, have, want) == no {
				f := m.spelling(have.file, typ)
				m.problems.Warnf(have.file.at(have.name.Pos()), "method %s of %s has a different signature than its RPC; make it %s",
					want.Name, typ, oneLine(want.head(f)))
			}
		}
	}
}

// warnOfPromoted warns of methods with a different signature that are promoted from an embedded
// type.
func (m *merger) warnOfPromoted(svc Service, typ string) {
	direct := make(map[string]bool)
	for _, have := range m.own.methodsOf(typ) {
		direct[have.name.Name] = true
	}
	promoted := m.promotedOf(typ)
	for _, want := range svc.Methods {
		have, found := promoted.methods[want.Name]
		if !found || direct[want.Name] || promoted.implements(svc.Interface, m.services, want) || m.serves(have.pkg, have.method, want) != no {
			continue
		}
		decl := m.own.types[typ][0]
		m.problems.Warnf(decl.file.at(decl.spec.Name.Pos()), "%s has method %s from the embedded %s, with a different signature than the RPC; "+
			"remove the embedded type, or add %s", typ, want.Name, have.from, oneLine(want.head(m.spelling(decl.file, typ))))
	}
}

// warnOfUnknown warns of an RPC that a type may have from an embedded type that could not be read.
func (m *merger) warnOfUnknown(want Method, typ string, unknown []string) bool {
	if len(unknown) == 0 {
		return false
	}
	decl := m.own.types[typ][0]
	m.problems.Warnf(decl.file.at(decl.spec.Name.Pos()), "%s embeds %s, whose methods the plugin cannot see; unless %s is one of them, add %s",
		typ, strings.Join(unknown, " and "), want.Name, oneLine(want.head(m.spelling(decl.file, typ))))
	return true
}

// warnOfField warns of an RPC that cannot have a method, because a field has its name.
func (m *merger) warnOfField(want Method, typ string) bool {
	for _, decl := range m.own.types[typ] {
		fields, ok := ast.Unparen(decl.spec.Type).(*ast.StructType)
		if !ok {
			continue
		}
		for _, field := range fields.Fields.List {
			for _, name := range fieldNames(field) {
				if name.Name == want.Name {
					m.problems.Warnf(decl.file.at(name.Pos()), "%s cannot have a method %s for its RPC, because a field has that name; rename the field",
						typ, want.Name)
					return true
				}
			}
		}
	}
	return false
}

// fieldNames returns the names of a field. An embedded field has the name of its type.
func fieldNames(field *ast.Field) []*ast.Ident {
	if len(field.Names) > 0 {
		return field.Names
	}
	expr := ast.Unparen(field.Type)
	for {
		switch e := expr.(type) {
		case *ast.StarExpr:
			expr = ast.Unparen(e.X)
		case *ast.IndexExpr:
			expr = e.X
		case *ast.IndexListExpr:
			expr = e.X
		case *ast.SelectorExpr:
			return []*ast.Ident{e.Sel}
		case *ast.Ident:
			return []*ast.Ident{e}
		default:
			return nil
		}
	}
}
