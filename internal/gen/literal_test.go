package gen

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestAliased compares the aliases of package runtime, and its constants, with those of which
// literals make use.
func TestAliased(t *testing.T) {
	typeOf := constantsOf(t, "../../runtime/policy/policy.go")
	found := map[string]bool{}
	eachSpec(t, "../../runtime/policy.go", func(spec ast.Spec) {
		switch spec := spec.(type) {
		case *ast.TypeSpec:
			if selector, ok := spec.Type.(*ast.SelectorExpr); ok && isPolicy(selector) {
				found[selector.Sel.Name] = true
			}
		case *ast.ValueSpec:
			for _, value := range spec.Values {
				selector, ok := value.(*ast.SelectorExpr)
				if ok && isPolicy(selector) && typeOf[selector.Sel.Name] != "" {
					found[typeOf[selector.Sel.Name]] = true
				}
			}
		}
	})
	got := slices.Sorted(maps.Keys(found))
	if diff := cmp.Diff(slices.Sorted(slices.Values(aliased)), got); diff != "" {
		t.Errorf("runtime/policy.go has other aliases than literals expect (-literals +runtime):\n%s", diff)
	}
}

func isPolicy(selector *ast.SelectorExpr) bool {
	x, ok := selector.X.(*ast.Ident)
	return ok && x.Name == "policy"
}

// constantsOf returns the types of the constants of a file whose types have the file's package.
func constantsOf(t *testing.T, file string) map[string]string {
	t.Helper()
	types := map[string]string{}
	last := ""
	eachSpec(t, file, func(spec ast.Spec) {
		value, ok := spec.(*ast.ValueSpec)
		if !ok {
			return
		}
		if ident, ok := value.Type.(*ast.Ident); ok {
			last = ident.Name
		} else if len(value.Values) > 0 {
			last = ""
		}
		for _, name := range value.Names {
			types[name.Name] = last
		}
	})
	return types
}

func eachSpec(t *testing.T, file string, do func(ast.Spec)) {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range parsed.Decls {
		if general, ok := d.(*ast.GenDecl); ok {
			for _, spec := range general.Specs {
				do(spec)
			}
		}
	}
}
