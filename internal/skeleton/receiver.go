package skeleton

import (
	"go/ast"
	"slices"
	"strings"
)

// receiverType returns the receiver type of methods of typ.
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

// hasValueReceivers reports whether values of a type, and not only pointers to it, implement its
// services.
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

// receiverName returns the receiver name of most methods of a type, or a customary name that is not
// taken.
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
