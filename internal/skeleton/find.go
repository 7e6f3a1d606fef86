package skeleton

import (
	"go/ast"
	"strings"

	"github.com/grpcservice/grpcservice/internal/diag"
)

// find returns the type that implements a service, or "" if there is none yet. It returns false
// after it has reported a problem that prevents one.
func (m *merger) find(svc Service) (typ string, ok bool) {
	wanted := m.own.dealias(svc.Type)
	found := m.implementers(svc.Interface)
	if m.isDeclared(wanted) {
		asserted, _ := m.asserts(wanted, svc.Interface)
		if asserted || len(found) == 0 || m.hasRPC(wanted, svc) {
			return wanted, m.checkClaim(wanted, svc) && m.checkKind(svc.Type, svc)
		}
	}
	switch len(found) {
	case 0:
		return "", m.checkFree(svc)
	case 1:
		return found[0], m.checkKind(found[0], svc)
	default:
		return m.choose(found, svc)
	}
}

// hasRPC reports whether a type has a method with the name of an RPC of the service.
func (m *merger) hasRPC(typ string, svc Service) bool {
	for _, have := range m.own.methodsOf(typ) {
		for _, want := range svc.Methods {
			if have.name.Name == want.Name {
				return true
			}
		}
	}
	return false
}

// checkClaim reports whether a type does not belong to another service of the same name.
func (m *merger) checkClaim(typ string, svc Service) bool {
	other, claimed := m.claimed(typ, svc)
	if asserted, _ := m.asserts(typ, svc.Interface); !claimed || asserted {
		return true
	}
	m.problems.Errorf(m.own.names[typ], "type %s implements the %s of %s; %s needs a separate type; declare one, and write "+
		"var _ %s.%s = (*YourType)(nil), and import %s", typ, other.Name, other.Path, svc.Name,
		svc.Interface.Package, svc.Interface.Name, svc.Interface.Path)
	return false
}

// checkKind reports whether a type can have methods.
func (m *merger) checkKind(name string, svc Service) bool {
	typ := m.own.dealias(name)
	for _, decl := range m.own.types[typ] {
		problem := ""
		expr := ast.Unparen(decl.spec.Type)
		if decl.spec.Assign.IsValid() {
			problem = "an alias of a type of another package, or of an unnamed type"
		}
		switch expr.(type) {
		case *ast.InterfaceType:
			problem = "an interface"
		case *ast.FuncType:
			if len(m.missing(typ, svc)) > 0 {
				problem = "a function type"
			}
		case *ast.StarExpr:
			problem = "a pointer type"
		}
		if problem != "" {
			m.problems.Errorf(decl.file.at(decl.spec.Name.Pos()), "type %s is %s, and the methods of %s need a struct; declare one, and write "+
				"var _ %s.%s = (*YourStruct)(nil), and import %s", typ, problem, svc.Name,
				svc.Interface.Package, svc.Interface.Name, svc.Interface.Path)
			return false
		}
	}
	return true
}

// checkFree reports whether a new type can have the wanted name.
func (m *merger) checkFree(svc Service) bool {
	place, taken := m.own.names[svc.Type]
	if !taken {
		place, taken = m.imported(svc)
	}
	if taken {
		m.problems.Errorf(place, "the name %s is taken, and no type of the package implements %s; rename it, or declare a struct and write "+
			"var _ %s.%s = (*YourStruct)(nil), and import %s", svc.Type, svc.Name,
			svc.Interface.Package, svc.Interface.Name, svc.Interface.Path)
	}
	return !taken
}

// imported returns the import that prevents a file of the package from declaring a type of the
// wanted name.
func (m *merger) imported(svc Service) (diag.Position, bool) {
	for _, f := range m.own.files {
		for _, spec := range f.imports {
			dot := spec.Name != nil && spec.Name.Name == "."
			if dot && importPath(spec) == svc.Interface.Path && svc.Interface.Name == svc.Type || m.isCalled(spec, svc.Type) {
				return f.at(spec.Pos()), true
			}
		}
	}
	return diag.Position{}, false
}

// choose returns the type that lacks RPCs.
func (m *merger) choose(types []string, svc Service) (string, bool) {
	var lacking []string
	for _, typ := range types {
		if len(m.missing(typ, svc)) > 0 {
			lacking = append(lacking, typ)
		}
	}
	switch len(lacking) {
	case 0:
		return types[0], true
	case 1:
		return lacking[0], m.checkKind(lacking[0], svc)
	}
	m.problems.Warnf(m.own.names[lacking[1]], "types %s implement %s, and none of them is named %s; RPCs are added only to a type of that name, "+
		"so add the missing ones by hand", strings.Join(lacking, " and "), svc.Name, svc.Type)
	return "", false
}

// missing returns the RPCs of a service for which a type has no method, declared or promoted.
func (m *merger) missing(typ string, svc Service) (list []Method) {
	have := make(map[string]bool)
	for _, method := range m.own.methodsOf(typ) {
		have[method.name.Name] = true
	}
	promoted := m.promotedOf(typ)
	for _, method := range svc.Methods {
		if _, there := promoted.methods[method.Name]; !there && !have[method.Name] && !promoted.implements(svc.Interface, m.services, method) {
			list = append(list, method)
		}
	}
	return list
}
