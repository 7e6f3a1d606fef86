package skeleton

import (
	"fmt"
	"testing"

	"github.com/grpcservice/grpcservice/internal/golang"
)

// codeOf reads a package of one file and a test.
func codeOf(src string) Code {
	return Read(Package{Dir: "cmd/server", Name: "main", ImportPath: "example.com/cmd/server", Files: map[string][]byte{
		"a.go": []byte(src), "a_test.go": []byte("package main\nfunc NewTested() int { return 1 }"),
	}}, map[string]string{"example.com/gen/v2": "gen"})
}

func TestCodeTakes(t *testing.T) {
	ident := func(name string) golang.Ident {
		return golang.Ident{Name: name, Package: "operation", Path: "example.com/operation"}
	}
	types := []golang.Type{
		{Ident: ident("Manager")},
		{Ident: ident("Log"), Arguments: []golang.Ident{ident("Event")}},
		{Ident: ident("Log"), Arguments: []golang.Ident{ident("Other")}},
		{Ident: ident("Hub"), Arguments: []golang.Ident{ident("Event"), ident("Other")}},
	}
	const head = "package main\nimport op \"example.com/operation\"\n"
	for src, want := range map[string]string{
		"func New() *T":              "[]",
		"func New(m *op.Manager) *T": "[0]",
		"func New(*op.Log[op.Other], *op.Manager, *op.Log[op.Event]) *T": "[2 0 1]",
		"func New(h *op.Hub[op.Event, op.Other]) *T":                     "[3]",
		"func New(h *op.Hub[op.Other, op.Event]) *T":                     "no",
		"func New(h *op.Hub[op.Event]) *T":                               "no",
		"func New(l *op.Log[op.Unknown]) *T":                             "no",
		"func New(l *op.Log) *T":                                         "no",
		"func New(m *op.Manager[op.Event]) *T":                           "no",
		"func New(m op.Manager) *T":                                      "no",
		"func New(m *op.Manager, n int) *T":                              "no",
		"func New(a, b *op.Manager) *T":                                  "no",
		"func New(m ...*op.Manager) *T":                                  "no",
		"func New(m *operation.Manager) *T":                              "no", // not an import of the file
		"func New() (*T, error)":                                         "no",
		"func New[K any]() *T":                                           "no",
		"func (T) New() *T":                                              "no",
		"type M = op.Manager\nfunc New(*M) *T":                           "no", // only the compiler knows all aliases
	} {
		got := "no"
		if arguments, ok := codeOf(head+src+"\n").Takes("New", types); ok {
			got = fmt.Sprint(arguments)
		}
		if got != want {
			t.Errorf("%s: %s, want %s", src, got, want)
		}
	}
	if _, ok := codeOf(head).Takes("NewTested", types); ok {
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
