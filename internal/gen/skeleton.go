package gen

import (
	"go/parser"
	"go/token"
	"maps"
	"strings"
	"text/template"

	"github.com/grpcservice/grpcservice/internal/gen/view"
	"github.com/grpcservice/grpcservice/internal/golang"
	"github.com/grpcservice/grpcservice/internal/model"
)

// Implementation returns a piece of the starter code that implements a service: "type",
// "assertion", "constructor" or "test".
func (t *Templates) Implementation(piece string, i model.Implementation, f golang.Frame) (string, error) {
	return t.snippet("skeleton_"+piece+".go.tmpl", view.OfImplementation(i), f)
}

// Method returns the starter code of a method.
func (t *Templates) Method(m model.MethodStub, f golang.Frame) (string, error) {
	return t.snippet("skeleton_method.go.tmpl", view.OfMethodStub(m), f)
}

// Work returns the starter code of the method that does the work of the operations that m starts.
func (t *Templates) Work(m model.MethodStub, f golang.Frame) (string, error) {
	return t.snippet(workTemplate(m.Helper.Pattern), stubOf(view.OfMethodStub(m)), f)
}

// Example returns the starter code of a method's test.
func (t *Templates) Example(m model.MethodStub, f golang.Frame) (string, error) {
	return t.snippet("skeleton_example.go.tmpl", view.OfMethodStub(m), f)
}

// snippet renders declarations for a file that already has an import table. The caller formats them
// as part of that file.
func (t *Templates) snippet(name string, data any, f golang.Frame) (string, error) {
	const top = "package p\n"
	write := func(t *Templates) ([]byte, error) {
		text, err := t.executor(frameFunctions(f)).execute(name, data)
		return append([]byte(top), text...), err
	}
	text, err := write(t)
	if err != nil {
		return "", err
	}
	if _, err := parser.ParseFile(token.NewFileSet(), "", text, parser.SkipObjectResolution); err != nil {
		return "", t.blame("the declaration", text, err, write)
	}
	return strings.TrimPrefix(string(text), top), nil
}

// frameFunctions returns the functions that the templates of starter code can call.
func frameFunctions(f golang.Frame) template.FuncMap {
	all := textFunctions(f.Ident)
	maps.Copy(all, template.FuncMap{
		"receiver":     func() string { return f.Receiver },
		"receiverType": func() string { return f.Type },
		"isNew":        func() bool { return f.New },
		"own":          f.Own,
	})
	return all
}

// anyFrame returns a frame for checking templates.
func anyFrame() golang.Frame {
	return golang.Frame{Ident: func(id golang.Ident) string { return id.Name }, Own: func(name string) string { return name }}
}
