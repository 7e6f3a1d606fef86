package migrate

import (
	"go/ast"
	"go/token"
	"strings"
)

// registration is a call that registers a generated service with a server.
type registration struct {
	at     token.Pos
	server *ast.Ident
	old    bool // whether it takes a *grpc.Server only
	name   string

	known bool   // whether the declaration of the called function was found
	of    string // the import path of its package; "" for the file's own, or if it is not known
}

// registrations returns the calls in a function that register a generated service with a variable.
// Those of grpc's own services are not among them: the pipeline has health and reflection.
func (m *mover) registrations(fn *ast.FuncDecl) (found []registration) {
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || len(call.Args) != 2 {
			return true
		}
		server, isVariable := call.Args[0].(*ast.Ident)
		pkg, name := calledName(call)
		if !isVariable || !registers(name) {
			return true
		}
		declared, known := m.declarationOf(pkg, name)
		switch {
		case pkg != "" && isOfGRPC(m.importOf(pkg)):
		case known && !declared.generated && declared.takes != "ServiceRegistrar": // it has another purpose
		default:
			old := known && declared.takes != "ServiceRegistrar"
			found = append(found, registration{
				at: call.Pos(), server: server, old: old, name: strings.TrimPrefix(pkg+"."+name, "."),
				known: known, of: m.importOf(pkg),
			})
		}
		return true
	})
	return found
}

// noteAssumption reports a registration whose declaration was not found, once for each package. It
// is moved as one of a new protoc-gen-go-grpc.
func (m *mover) noteAssumption(r registration) {
	if r.known || m.assumed[r.of] {
		return
	}
	m.assumed[r.of] = true
	in := ""
	if r.of != "" {
		in = " in package " + r.of
	}
	m.note(r.at, "%s is assumed to take a grpc.ServiceRegistrar, because its declaration was not "+
		"found%s; generate or download its package, and check that the program builds", r.name, in)
}

// isOfGRPC reports whether a package is one of grpc's own. Its examples are not.
func isOfGRPC(importPath string) bool {
	return strings.HasPrefix(importPath, grpcPath+"/") && !strings.HasPrefix(importPath, grpcPath+"/examples/")
}

// calledName returns the package and the name of a called function. The package is "" for one of
// the same package.
func calledName(call *ast.CallExpr) (pkg, name string) {
	switch called := call.Fun.(type) {
	case *ast.Ident:
		return "", called.Name
	case *ast.SelectorExpr:
		if x, ok := called.X.(*ast.Ident); ok {
			return x.Name, called.Sel.Name
		}
	}
	return "", ""
}

// declarationOf returns the declaration of a function, if its package is on the disk.
func (m *mover) declarationOf(pkg, name string) (found declaration, known bool) {
	of, ok := m.own, true
	if pkg != "" {
		of, ok = m.packages.imported(m.importOf(pkg))
	}
	if ok {
		found, known = of[name]
	}
	return found, known
}

// registers reports whether protoc-gen-go-grpc names a function so that registers a service.
func registers(name string) bool {
	service, is := strings.CutPrefix(name, "Register")
	return is && strings.HasSuffix(service, "Server") && service != "Server"
}

// noteParameter says what to do with services that a function registers with a parameter.
func (m *mover) noteParameter(fn *ast.FuncDecl, grpc string, found []registration) {
	for _, field := range fn.Type.Params.List {
		star, ok := field.Type.(*ast.StarExpr)
		if !ok || !isSelector(star.X, grpc, "Server") {
			continue
		}
		for _, name := range field.Names {
			for _, r := range found {
				if r.server.Name == name.Name && !r.old {
					m.noteAssumption(r)
					m.note(r.at, "this registers with the parameter %s; make that a grpc.ServiceRegistrar, and pass what server.On(..., server.Compatible()) returns", name.Name)
					break
				}
			}
		}
	}
}

func isSelector(e ast.Expr, pkg, name string) bool {
	selector, ok := e.(*ast.SelectorExpr)
	if !ok || selector.Sel.Name != name {
		return false
	}
	x, ok := selector.X.(*ast.Ident)
	return ok && x.Name == pkg
}

func isCallOf(e ast.Expr, pkg, name string) bool {
	call, ok := e.(*ast.CallExpr)
	return ok && isSelector(call.Fun, pkg, name)
}

// hasRegistrar reports whether a function calls server.On with a variable.
func (m *mover) hasRegistrar(fn *ast.FuncDecl, variable string) (found bool) {
	pkg := m.importName(serverPath)
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok && pkg != "" && isCallOf(call, pkg, "On") && len(call.Args) > 0 {
			arg, ok := call.Args[0].(*ast.Ident)
			found = found || ok && arg.Name == variable
		}
		return !found
	})
	return found
}

// noteShutdown says where the shutdown of a moved server must notify the services.
func (m *mover) noteShutdown(fn *ast.FuncDecl, variable, ours string) {
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok && isCallOf(call, variable, "GracefulStop") {
			m.note(call.Pos(), "call %s.Drain() before this, so that long streams end and clients see NOT_SERVING", ours)
		}
		return true
	})
}
