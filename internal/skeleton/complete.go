package skeleton

import (
	"cmp"
	"go/ast"
	"slices"
	"strings"

	"github.com/grpcservice/grpcservice/internal/golang"
)

// complete adds the methods that a type lacks to implement a service, and warns of those that it has with another signature.
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

// addMethod adds a method to an edit, and gives its advice.
func (m *merger) addMethod(e *edit, method Method, typ string) {
	e.pieces = append(e.pieces, piece{method: &method, typ: typ, render: method.Render})
	if method.Advice != "" {
		m.problems.Advisef(method.Proto, "%s", method.Advice)
	}
}

// isAdded reports whether this run already adds a method, for another service of the type.
func (m *merger) isAdded(typ, name string) bool {
	return slices.ContainsFunc(m.edits, func(e *edit) bool {
		return slices.ContainsFunc(e.pieces, func(p piece) bool { return p.method != nil && p.typ == typ && p.method.Name == name })
	})
}

// warnOfDrift warns of methods of a type whose signature is not that of their RPC.
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

// warnOfPromoted warns of methods that a type has from one that it embeds, with another signature.
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

// warnOfUnknown warns of an RPC that a type may have from one that it embeds and that is not known.
func (m *merger) warnOfUnknown(want Method, typ string, unknown []string) bool {
	if len(unknown) == 0 {
		return false
	}
	decl := m.own.types[typ][0]
	m.problems.Warnf(decl.file.at(decl.spec.Name.Pos()), "%s embeds %s, whose methods the plugin cannot see; unless %s is one of them, add %s",
		typ, strings.Join(unknown, " and "), want.Name, oneLine(want.head(m.spelling(decl.file, typ))))
	return true
}

// warnOfField warns of an RPC that cannot have a method because a field has its name.
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

// fieldNames returns the names of a field. That of an embedded type is the type's.
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

// implements reports whether an RPC is one of a generated interface that a type embeds.
func (found *promoted) implements(iface golang.Ident, services []Service, method Method) bool {
	return slices.ContainsFunc(found.interfaces, func(id golang.Ident) bool {
		if id.Path == iface.Path && id.Name == iface.Name {
			return true
		}
		for _, svc := range services {
			if svc.Interface.Path == id.Path && svc.Interface.Name == id.Name {
				return slices.ContainsFunc(svc.Methods, func(other Method) bool { return other.Name == method.Name })
			}
		}
		return false
	})
}

// spelling returns the frame for methods of a type in a file, for messages.
func (m *merger) spelling(f *file, typ string) golang.Frame {
	t := m.newTable(f, f.name)
	receiver := cmp.Or(m.receiverName(typ, nil), "s")
	t.take(receiver, "ctx", "req", "reqs")
	return m.frame(t, receiver, typ)
}

// receiverType returns the type of the receiver that methods of typ have.
func (m *merger) receiverType(typ string) string {
	name := typ
	if tparams := m.typeParams(typ); len(tparams) > 0 {
		name += "[" + strings.Join(tparams, ", ") + "]"
	}
	if m.hasValueReceivers(typ) {
		return name
	}
	return "*" + name
}

// typeParams returns the names of the type parameters of a type.
func (m *merger) typeParams(typ string) (names []string) {
	for _, decl := range m.own.types[typ] {
		if decl.spec.TypeParams == nil {
			continue
		}
		for _, field := range decl.spec.TypeParams.List {
			for _, name := range field.Names {
				names = append(names, name.Name)
			}
		}
		return names
	}
	return nil
}

// hasValueReceivers reports whether values of a type implement its services, and not only pointers to them.
func (m *merger) hasValueReceivers(typ string) bool {
	for _, svc := range m.owners[typ] {
		if asserted, byValue := m.asserts(typ, svc.Interface); asserted {
			return byValue
		}
	}
	methods := m.own.methodsOf(typ)
	return len(methods) > 0 && !slices.ContainsFunc(methods, func(have method) bool {
		_, pointer := ast.Unparen(have.recv.List[0].Type).(*ast.StarExpr)
		return pointer
	})
}

// receiverName returns what most methods of a type call their receiver, or else one of the names that people use, but none that
// is taken.
func (m *merger) receiverName(typ string, taken map[string]bool) string {
	count := make(map[string]int)
	candidates := []string{"s", "svc", "self", "impl", "service"}
	for _, have := range m.own.methodsOf(typ) {
		for _, name := range have.recv.List[0].Names {
			count[name.Name]++
			candidates = append(candidates, name.Name)
		}
	}
	best := ""
	for _, name := range candidates {
		if name != "_" && !taken[name] && (best == "" || count[name] > count[best]) {
			best = name
		}
	}
	return best
}
