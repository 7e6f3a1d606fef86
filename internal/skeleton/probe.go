package skeleton

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"

	"github.com/grpcservice/grpcservice/internal/diag"
	"github.com/grpcservice/grpcservice/internal/golang"
)

// probe holds what a piece of code needs, as a rendering with placeholders shows.
type probe struct {
	names []string // all names without a qualifier: variables, parameters, types, predeclared names
}

// Placeholders for the names that a piece of code gets later.
const (
	probeReceiver = "grpcserviceProbeReceiver"
	probeImport   = "grpcserviceProbeImport"
)

// probe renders a piece of code with placeholders and parses it.
func (m *merger) probe(p piece) (probe, error) {
	text, err := p.render(golang.Frame{
		Receiver: probeReceiver,
		Type:     m.receiverType(p.typ),
		New:      len(m.own.types[p.typ]) == 0,
		Ident: func(id golang.Ident) string {
			if id.Path == "" || id.Path == m.own.path {
				return id.Name
			}
			return probeImport + "." + id.Name
		},
		Own: func(name string) string { return name },
	})
	if err != nil {
		return probe{}, err
	}
	tree, err := parser.ParseFile(token.NewFileSet(), "", "package p\n"+text, parser.SkipObjectResolution)
	if err != nil {
		return probe{}, fmt.Errorf("it does not parse: %w", err)
	}
	if p.method != nil && (len(tree.Decls) != 1 || !isMethod(tree.Decls[0], p.typ, p.method.Name)) {
		return probe{}, fmt.Errorf("it must declare method %s of %s and nothing else", p.method.Name, p.typ)
	}
	if p.name != "" && !declares(tree, p.name) {
		return probe{}, fmt.Errorf("it must declare %s", p.name)
	}
	if len(tree.Imports) > 0 {
		return probe{}, fmt.Errorf("it has an import; use the template function from to import packages")
	}
	return probe{namesIn(tree)}, nil
}

// declares reports whether a file declares a name, as in [Decl].
func declares(tree *ast.File, name string) bool {
	f := &file{fset: token.NewFileSet(), ast: tree}
	p := &pkg{types: make(map[string][]typeDecl), names: make(map[string]diag.Position)}
	for _, decl := range tree.Decls {
		p.addDecl(f, decl)
	}
	_, found := p.names[name]
	return found || slices.ContainsFunc(p.methods, func(have method) bool { return have.base+"."+have.name.Name == name })
}

// namesIn returns the unqualified names in a file, without placeholders.
func namesIn(tree *ast.File) []string {
	behind := map[*ast.Ident]bool{tree.Name: true}
	seen := map[string]bool{probeReceiver: true, probeImport: true}
	var names []string
	ast.Inspect(tree, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			behind[n.Sel] = true
		case *ast.FuncDecl:
			behind[n.Name] = n.Recv != nil
		case *ast.Ident:
			if !behind[n] && !seen[n.Name] {
				seen[n.Name] = true
				names = append(names, n.Name)
			}
		}
		return true
	})
	return names
}

// isMethod reports whether a declaration is the method with that name of the type with that name.
func isMethod(decl ast.Decl, typ, name string) bool {
	fn, ok := decl.(*ast.FuncDecl)
	if !ok || fn.Recv == nil || fn.Name.Name != name {
		return false
	}
	base, _ := receiverOf(fn.Recv)
	return base == typ
}
