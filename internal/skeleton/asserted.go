package skeleton

import (
	"go/ast"
	"go/token"
	"slices"

	"github.com/grpcservice/grpcservice/internal/golang"
)

// assertions returns the package's assertions about its own types.
func (m *merger) assertions() (list []assertion) {
	for _, f := range m.own.files {
		for _, decl := range f.ast.Decls {
			vars, ok := decl.(*ast.GenDecl)
			if !ok || vars.Tok != token.VAR {
				continue
			}
			for _, spec := range vars.Specs {
				list = append(list, m.assertionsOf(f, spec.(*ast.ValueSpec))...)
			}
		}
	}
	return list
}

func (m *merger) assertionsOf(f *file, spec *ast.ValueSpec) (list []assertion) {
	for i, value := range spec.Values {
		iface := spec.Type
		if i >= len(spec.Names) || spec.Names[i].Name != "_" {
			continue
		}
		if call, ok := value.(*ast.CallExpr); ok && iface == nil && len(call.Args) == 1 {
			iface, value = call.Fun, call.Args[0] // var _ = libraryv1service.BookService((*Books)(nil))
		}
		if typ, byValue := valueType(value); iface != nil && typ != "" && len(m.own.types[typ]) > 0 {
			n := m.resolve(scope{pkg: m.own, file: f}, iface)
			list = append(list, assertion{m.own.dealias(typ), n, byValue})
		}
	}
	return list
}

// valueType returns the name of the type of a value or of a pointer to it, if the expression shows
// it.
func valueType(value ast.Expr) (typ string, byValue bool) {
	switch value := ast.Unparen(value).(type) {
	case *ast.UnaryExpr: // &T{}
		if literal, ok := ast.Unparen(value.X).(*ast.CompositeLit); ok && value.Op == token.AND && literal.Type != nil {
			typ, _ = baseName(literal.Type)
		}
	case *ast.CompositeLit: // T{}
		if value.Type != nil {
			typ, _ = baseName(value.Type)
		}
		return typ, true
	case *ast.StarExpr: // *new(T)
		typ, _ = valueType(value.X)
		return typ, true
	case *ast.CallExpr:
		return calledType(value)
	}
	return typ, false
}

// calledType returns the type of new(T), (*T)(nil) and T(nil).
func calledType(call *ast.CallExpr) (typ string, byValue bool) {
	if len(call.Args) != 1 {
		return "", false
	}
	if fun, ok := call.Fun.(*ast.Ident); ok && fun.Name == "new" {
		typ, _ = baseName(call.Args[0])
		return typ, false
	}
	if star, ok := ast.Unparen(call.Fun).(*ast.StarExpr); ok {
		typ, _ = baseName(star.X)
		return typ, false
	}
	typ, _ = baseName(call.Fun)
	return typ, true
}

// asserts reports whether the package asserts that a type implements an interface, and whether the
// assertion covers its values too.
func (m *merger) asserts(typ string, iface golang.Ident) (found, byValue bool) {
	for _, a := range m.asserted {
		if a.typ == typ && a.iface.is(iface) {
			found, byValue = true, byValue || a.value
		}
	}
	return found, byValue
}

// claimed returns the interface of another service that typ is asserted to implement: one of the
// same name, or one whose service expects a type of the same name.
func (m *merger) claimed(typ string, svc Service) (golang.Ident, bool) {
	for _, a := range m.asserted {
		if a.typ != typ {
			continue
		}
		for _, id := range a.iface.ids {
			if id.Name == svc.Interface.Name && id.Path != svc.Interface.Path {
				return id, true
			}
		}
		for _, other := range m.services {
			if other.Type == svc.Type && a.iface.is(other.Interface) && !a.iface.is(svc.Interface) {
				return other.Interface, true
			}
		}
	}
	return golang.Ident{}, false
}

// implementers returns the types that the package, without its tests, asserts to implement an
// interface, in the order of its files.
func (m *merger) implementers(iface golang.Ident) (types []string) {
	for _, a := range m.asserted {
		if a.iface.is(iface) && !slices.Contains(types, a.typ) && m.isDeclared(a.typ) {
			types = append(types, a.typ)
		}
	}
	return types
}

// isDeclared reports whether a type is declared outside the tests.
func (m *merger) isDeclared(typ string) bool {
	return slices.ContainsFunc(m.own.types[typ], func(decl typeDecl) bool { return !decl.file.test })
}
