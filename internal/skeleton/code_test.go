package skeleton

import (
	"testing"

	"github.com/grpcservice/grpcservice/internal/golang"
)

// codeOf reads a package of one file and a test.
func codeOf(src string) Code {
	return Read(Package{Dir: "cmd/server", Name: "main", ImportPath: "example.com/cmd/server", Files: map[string][]byte{
		"a.go": []byte(src), "a_test.go": []byte("package main\nfunc NewTested() int { return 1 }"),
	}}, map[string]string{"example.com/gen/v2": "gen"})
}

func TestCodeMakes(t *testing.T) {
	manager := golang.Ident{Name: "Manager", Package: "operation", Path: "example.com/operation"}
	const head = "package main\nimport op \"example.com/operation\"\n"
	for src, want := range map[string][2]bool{ // without a manager, with one
		"func New() *T":                        {true, false},
		"func New(m *op.Manager) *T":           {false, true},
		"func New(m op.Manager) *T":            {false, false},
		"func New(a, b *op.Manager) *T":        {false, false},
		"func New(m ...*op.Manager) *T":        {false, false},
		"func New(m *operation.Manager) *T":    {false, false}, // not an import of the file
		"func New() (*T, error)":               {false, false},
		"func New[K any]() *T":                 {false, false},
		"func (T) New() *T":                    {false, false},
		"type M = op.Manager\nfunc New(*M) *T": {false, false}, // only the compiler knows all aliases
	} {
		code := codeOf(head + src + "\n")
		if got := [2]bool{code.Makes("New"), code.Makes("New", manager)}; got != want {
			t.Errorf("%s: %v, want %v", src, got, want)
		}
	}
	if codeOf(head).Makes("NewTested") {
		t.Error("a function of a test counts")
	}
}

func TestCodeUses(t *testing.T) {
	register := golang.Ident{Name: "Register", Package: "gen", Path: "example.com/gen/v2"}
	for src, want := range map[string]string{
		"import \"example.com/gen/v2\"\nfunc main() { gen.Register() }":                "cmd/server/a.go:3:15",
		"import x \"example.com/gen/v2\"\n//line y.go:9\nfunc main() { x.Register() }": "cmd/server/a.go:4:15",
		"import \"example.com/gen\"\nfunc main() { gen.Register() }":                   "",
		"import \"example.com/gen/v2\"\nfunc main() { gen.Other() }":                   "",
	} {
		uses, got := codeOf("package main\n"+src+"\n").Uses(register), ""
		if len(uses) > 0 {
			got = uses[0].String()
		}
		if got != want {
			t.Errorf("%s: it is used at %q, want %q", src, got, want)
		}
	}
}

func TestCodeIsBroken(t *testing.T) {
	if code := codeOf("package main\nfunc {"); !code.IsBroken() {
		t.Error("a file that does not parse is not noticed")
	}
	if code := codeOf("package service"); code.IsBroken() || code.Name() != "service" {
		t.Errorf("the package is %q, and broken: %v", code.Name(), code.IsBroken())
	}
}
