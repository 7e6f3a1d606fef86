package skeleton

import (
	"fmt"
	"go/ast"
	"slices"
	"strings"

	"github.com/grpcservice/grpcservice/internal/golang"
)

// promoted holds the methods that a type has from embedded types.
type promoted struct {
	methods    map[string]promotedMethod // by name; the shallowest one
	interfaces []golang.Ident            // generated interfaces, with all their methods
	unknown    []string                  // embedded types whose methods are unknown, with their packages
	seen       map[string]bool
}

type promotedMethod struct {
	pkg    *pkg
	method method
	from   string // the embedded type
}

// promotedOf collects the methods of embedded types, level by level.
func (m *merger) promotedOf(typ string) *promoted {
	found := &promoted{methods: make(map[string]promotedMethod), seen: map[string]bool{m.own.path + "." + typ: true}}
	level := m.embedded(found, m.own, typ)
	for len(level) > 0 {
		var next []embed
		for _, e := range level {
			next = append(next, m.promote(found, e)...)
		}
		level = next
	}
	return found
}

// embed is a type that another embeds.
type embed struct {
	scope scope
	expr  ast.Expr
}

// embedded returns the types that the declarations of a type embed.
func (m *merger) embedded(found *promoted, p *pkg, typ string) (list []embed) {
	for _, decl := range p.types[typ] {
		list = append(list, m.underlying(found, scope{pkg: p, file: decl.file}, decl.spec.Type, typ)...)
	}
	return list
}

// underlying returns the types that the type of an expression embeds. It ignores the methods of a
// type that the expression names.
func (m *merger) underlying(found *promoted, s scope, expr ast.Expr, typ string) (list []embed) {
	switch expr := ast.Unparen(expr).(type) {
	case *ast.StructType:
		for _, field := range expr.Fields.List {
			if len(field.Names) == 0 {
				list = append(list, embed{s, field.Type})
			}
		}
	case *ast.InterfaceType:
		for _, field := range expr.Methods.List {
			fn, ok := field.Type.(*ast.FuncType)
			if !ok {
				list = append(list, embed{s, field.Type})
				continue
			}
			for _, name := range field.Names {
				found.add(s.pkg, typ, method{file: s.file, name: name, typ: fn})
			}
		}
	case *ast.IndexExpr:
		return m.underlying(found, s, expr.X, typ)
	case *ast.IndexListExpr:
		return m.underlying(found, s, expr.X, typ)
	case *ast.Ident, *ast.SelectorExpr:
		return m.underlyingNamed(found, s, expr)
	}
	return list
}

// underlyingNamed returns the types that the type named by an expression embeds.
func (m *merger) underlyingNamed(found *promoted, s scope, expr ast.Expr) []embed {
	n := m.resolve(s, expr)
	for _, id := range n.ids {
		p := m.load(id.Path)
		if id.Path == s.pkg.path {
			p = s.pkg
		}
		if p == nil || found.seen["under "+id.Path+"."+id.Name] {
			continue
		}
		found.seen["under "+id.Path+"."+id.Name] = true
		if len(p.types[id.Name]) > 0 {
			return m.embedded(found, p, id.Name)
		}
	}
	return nil
}

// promote records the methods of an embedded type, and returns the types that it embeds in turn.
func (m *merger) promote(found *promoted, e embed) []embed {
	expr := ast.Unparen(e.expr)
	if star, ok := expr.(*ast.StarExpr); ok {
		expr = ast.Unparen(star.X)
	}
	switch generic := expr.(type) {
	case *ast.IndexExpr:
		expr = generic.X
	case *ast.IndexListExpr:
		expr = generic.X
	case *ast.StructType, *ast.InterfaceType: // behind an alias
		return m.underlying(found, e.scope, expr, "an alias")
	case *ast.BinaryExpr, *ast.UnaryExpr:
		return nil // a constraint, which cannot be embedded
	}
	n := m.resolve(e.scope, expr)
	for _, id := range n.ids {
		p := m.load(id.Path)
		if id.Path == e.scope.pkg.path {
			p = e.scope.pkg
		}
		if next, known := m.promoteNamed(found, p, id); known {
			return next
		}
	}
	found.unknown = append(found.unknown, describe(n, expr))
	return nil
}

// promoteNamed records the methods of one type, and reports whether they are known.
func (m *merger) promoteNamed(found *promoted, p *pkg, id golang.Ident) (next []embed, known bool) {
	if slices.ContainsFunc(m.services, func(svc Service) bool { return svc.Interface.Path == id.Path && svc.Interface.Name == id.Name }) {
		found.interfaces = append(found.interfaces, id)
		return nil, true
	}
	key := id.Path + "." + id.Name
	local := p == m.own
	switch {
	case found.seen[key], !local && (id.Path == "" || isUnimplemented(id.Name)): // already seen, predeclared, or without methods that serve
		return nil, true
	case p != nil && len(p.types[id.Name]) > 0:
		if alias, ok := p.aliasOf(id.Name); ok {
			found.seen[key] = true
			return []embed{{scope{pkg: p, file: alias.file}, alias.spec.Type}}, true
		}
		found.seen[key] = true
		for _, method := range p.methodsOf(id.Name) {
			found.add(p, id.Name, method)
		}
		return m.embedded(found, p, id.Name), true
	}
	return nil, p == nil && m.isStandard(id.Path)
}

// isUnimplemented reports whether a name is one that generators give to types whose methods return
// UNIMPLEMENTED.
func isUnimplemented(name string) bool {
	return strings.HasPrefix(name, "Unimplemented") || strings.HasPrefix(name, "Unsafe")
}

// add records a method, unless one at a lower depth has its name.
func (found *promoted) add(p *pkg, from string, m method) {
	if _, there := found.methods[m.name.Name]; !there {
		found.methods[m.name.Name] = promotedMethod{p, m, from}
	}
}

// describe names an embedded type for a message.
func describe(n named, expr ast.Expr) string {
	if len(n.ids) > 0 {
		return fmt.Sprintf("%s of %s", n.ids[0].Name, n.ids[0].Path)
	}
	if sel, ok := expr.(*ast.SelectorExpr); ok {
		if x, ok := sel.X.(*ast.Ident); ok {
			return x.Name + "." + sel.Sel.Name
		}
	}
	if id, ok := expr.(*ast.Ident); ok {
		return id.Name
	}
	return "a type"
}

// implements reports whether an RPC belongs to a generated interface that a type embeds.
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
