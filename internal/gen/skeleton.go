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

// Implementation returns one of the pieces of what implements a service: "type", "assertion", "constructor" or "test".
func (t *Templates) Implementation(piece string, i model.Implementation, f golang.Frame) (string, error) {
	return t.snippet("skeleton_"+piece+".go.tmpl", view.OfImplementation(i), f)
}

// Method returns a method as it is first written.
func (t *Templates) Method(m model.MethodStub, f golang.Frame) (string, error) {
	return t.snippet("skeleton_method.go.tmpl", view.OfMethodStub(m), f)
}

// Work returns the method that does the work of the operations that a method starts.
func (t *Templates) Work(m model.MethodStub, f golang.Frame) (string, error) {
	return t.snippet(workTemplate(m.Helper.Pattern), stubOf(view.OfMethodStub(m)), f)
}

// Example returns the test of a method as it is first written.
func (t *Templates) Example(m model.MethodStub, f golang.Frame) (string, error) {
	return t.snippet("skeleton_example.go.tmpl", view.OfMethodStub(m), f)
}

// snippet returns declarations for a file that has an import table already. They are formatted where they go.
func (t *Templates) snippet(name string, data any, f golang.Frame) (string, error) {
	const top = "package p\n"
	write := func(t *Templates) ([]byte, error) {
		text, err := t.execute(name, data, frameFunctions(f))
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

// frameFunctions returns all that a template of a skeleton can call.
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

// anyFrame is a frame for parsing and checking templates.
func anyFrame() golang.Frame {
	return golang.Frame{Ident: func(id golang.Ident) string { return id.Name }, Own: func(name string) string { return name }}
}
