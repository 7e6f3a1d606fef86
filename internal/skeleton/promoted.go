package skeleton

import (
	"fmt"
	"go/ast"
	"slices"
	"strings"

	"github.com/grpcservice/grpcservice/internal/golang"
)

// promoted is what a type has from the types that it embeds.
type promoted struct {
	methods    map[string]promotedMethod // by name, the shallowest first found
	interfaces []golang.Ident            // generated ones, with all their methods
	unknown    []string                  // embedded types of which the methods are not known, with their packages
	seen       map[string]bool
}

type promotedMethod struct {
	pkg    *pkg
	method method
	from   string // the embedded type
}

// promotedOf goes through what a type embeds, level by level.
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

// embedded returns what the declarations of a type embed.
func (m *merger) embedded(found *promoted, p *pkg, typ string) (list []embed) {
	for _, decl := range p.types[typ] {
		list = append(list, m.underlying(found, scope{pkg: p, file: decl.file}, decl.spec.Type, typ)...)
	}
	return list
}

// underlying returns what the type of an expression embeds, without the methods of the type that it may name.
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

// underlyingNamed returns what the type that an expression names embeds.
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

// promote takes note of the methods of an embedded type, and returns what that embeds.
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
		return nil // a constraint, which nothing can embed
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

// promoteNamed takes note of the methods of one type, and reports whether they are known.
func (m *merger) promoteNamed(found *promoted, p *pkg, id golang.Ident) (next []embed, known bool) {
	if slices.ContainsFunc(m.services, func(svc Service) bool { return svc.Interface.Path == id.Path && svc.Interface.Name == id.Name }) {
		found.interfaces = append(found.interfaces, id)
		return nil, true
	}
	key := id.Path + "." + id.Name
	local := p == m.own
	switch {
	case found.seen[key], !local && (id.Path == "" || isUnimplemented(id.Name)): // known already, of Go's own, or of no use
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

// isUnimplemented reports whether generators give such a name to a type whose methods serve nothing.
func isUnimplemented(name string) bool {
	return strings.HasPrefix(name, "Unimplemented") || strings.HasPrefix(name, "Unsafe")
}

// add takes note of a method, unless a less deep one has its name.
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
