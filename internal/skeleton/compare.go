package skeleton

import (
	"go/ast"
	"strings"

	"github.com/grpcservice/grpcservice/internal/golang"
)

// answer is the answer to a question about types. Syntax alone does not always answer it.
type answer int

const (
	no answer = iota
	maybe
	yes
)

// and is the answer to both questions.
func and(answers ...answer) answer {
	least := yes
	for _, a := range answers {
		least = min(least, a)
	}
	return least
}

// serves reports whether an existing method has the signature of an RPC.
func (w *world) serves(p *pkg, have method, want Method) answer {
	s := scope{p, have.file, have.tparams}
	params, ok := flatten(have.typ.Params)
	results, ok2 := flatten(have.typ.Results)
	if !ok || !ok2 || len(params) != 2 {
		return no
	}
	request := w.isPointer
	if want.StreamsRequests {
		request = w.isStream
	}
	both := and(w.isNamed(s, params[0], contextIdent), request(s, params[1], want.Input))
	switch {
	case want.StreamsResponses && len(results) == 1:
		return and(both, w.isStream(s, results[0], want.Output))
	case !want.StreamsResponses && len(results) == 2:
		return and(both, w.isPointer(s, results[0], want.Output), w.isNamed(s, results[1], golang.Ident{Name: "error"}))
	default:
		return no
	}
}

// flatten returns the type of each parameter, or false if the last is variadic.
func flatten(list *ast.FieldList) (types []ast.Expr, ok bool) {
	if list == nil {
		return nil, true
	}
	for _, field := range list.List {
		if _, variadic := field.Type.(*ast.Ellipsis); variadic {
			return nil, false
		}
		for range max(1, len(field.Names)) {
			types = append(types, field.Type)
		}
	}
	return types, true
}

// isNamed reports whether an expression denotes the type of that name.
func (w *world) isNamed(s scope, expr ast.Expr, want golang.Ident) answer {
	switch expr := ast.Unparen(expr).(type) {
	case *ast.Ident, *ast.SelectorExpr:
		n := w.resolve(s, expr)
		if !n.sure {
			return maybe
		}
		return w.isSame(n.ids[0], want)
	case *ast.IndexExpr, *ast.IndexListExpr:
		return maybe
	default:
		return no
	}
}

// isSame reports whether an identifier denotes the same type as another. A package that could not
// be read may have an alias for it.
func (w *world) isSame(have, want golang.Ident) answer {
	switch {
	case have.Path == want.Path && have.Name == want.Name:
		return yes
	case have.Path == "":
		return no
	case have.Path == w.own.path:
		return no // it is certainly not an alias
	}
	if p := w.load(have.Path); p != nil {
		if _, alias := p.aliasOf(have.Name); alias || len(p.types[have.Name]) == 0 {
			return maybe
		}
		return no
	}
	if w.isStandard(have.Path) || w.names[have.Path] != "" && have.Name != want.Name {
		return no
	}
	return maybe
}

// isPointer reports whether an expression is a pointer to a message.
func (w *world) isPointer(s scope, expr ast.Expr, want golang.Ident) answer {
	switch expr := ast.Unparen(expr).(type) {
	case *ast.StarExpr:
		return w.isNamed(s, expr.X, want)
	default:
		return w.isAlias(s, expr)
	}
}

// isStream reports whether an expression is a stream of messages, or the function type behind it.
func (w *world) isStream(s scope, expr ast.Expr, want golang.Ident) answer {
	switch expr := ast.Unparen(expr).(type) {
	case *ast.IndexExpr:
		generic := w.isNamed(s, expr.X, streamIdent)
		if generic == yes {
			return w.isNamed(s, expr.Index, want)
		}
		return generic
	case *ast.IndexListExpr:
		generic := w.isNamed(s, expr.X, seqIdent)
		if generic == yes && len(expr.Indices) == 2 {
			return and(w.isPointer(s, expr.Indices[0], want), w.isNamed(s, expr.Indices[1], golang.Ident{Name: "error"}))
		}
		return min(generic, maybe)
	default:
		return w.isAlias(s, expr)
	}
}

// isAlias reports whether an expression may be an alias of a type. The answer is never certain.
func (w *world) isAlias(s scope, expr ast.Expr) answer {
	switch expr.(type) {
	case *ast.IndexExpr, *ast.IndexListExpr:
		return maybe
	case *ast.Ident, *ast.SelectorExpr:
		n := w.resolve(s, expr)
		if !n.sure {
			return maybe
		}
		return min(maybe, w.isSame(n.ids[0], golang.Ident{Name: "*", Path: "*"}))
	default:
		return no
	}
}

// looksLikeRPC reports whether a method has the shape of an RPC with a request of one of some
// packages, and returns the request.
func (w *world) looksLikeRPC(p *pkg, have method, packages map[string]bool) (request golang.Ident, ok bool) {
	s := scope{p, have.file, have.tparams}
	params, ok1 := flatten(have.typ.Params)
	results, ok2 := flatten(have.typ.Results)
	if !ok1 || !ok2 || len(params) != 2 || w.isNamed(s, params[0], contextIdent) != yes {
		return golang.Ident{}, false
	}
	request = w.message(s, params[1])
	switch len(results) {
	case 1:
		ok = w.streamed(s, results[0]) != nil
	case 2:
		_, pointer := ast.Unparen(results[0]).(*ast.StarExpr)
		ok = pointer && w.isNamed(s, results[1], golang.Ident{Name: "error"}) == yes
	}
	return request, ok && packages[request.Path]
}

// message returns the message that an expression is a pointer to or a stream of, if the expression
// shows it.
func (w *world) message(s scope, expr ast.Expr) golang.Ident {
	elem := w.streamed(s, expr)
	if star, ok := ast.Unparen(expr).(*ast.StarExpr); ok {
		elem = star.X
	}
	if elem == nil {
		return golang.Ident{}
	}
	if n := w.resolve(s, elem); n.sure {
		return n.ids[0]
	}
	return golang.Ident{}
}

// streamed returns the type of a stream's messages, or nil if an expression is no stream.
func (w *world) streamed(s scope, expr ast.Expr) ast.Expr {
	switch expr := ast.Unparen(expr).(type) {
	case *ast.IndexExpr:
		if w.isNamed(s, expr.X, streamIdent) == yes {
			return expr.Index
		}
	case *ast.IndexListExpr:
		if star, ok := ast.Unparen(expr.Indices[0]).(*ast.StarExpr); ok && w.isNamed(s, expr.X, seqIdent) == yes {
			return star.X
		}
	}
	return nil
}

// isForeign reports whether an import path has messages of general use.
func isForeign(importPath string) bool {
	return strings.HasPrefix(importPath, "google.golang.org/") || strings.HasPrefix(importPath, "cloud.google.com/")
}
