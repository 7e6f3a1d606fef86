// Package gen renders models: it spells identifiers, keeps the imports of each file, and formats.
//
// The text itself is in package templates, and what it says was decided in package model.
package gen

import (
	"bytes"
	"fmt"
	"go/format"
	"text/template"

	"github.com/grpcservice/grpcservice/internal/model"
	"github.com/grpcservice/grpcservice/templates"
)

// Service returns the Go file that serves and calls the services of file.
func Service(file model.File) ([]byte, error) {
	return render("service.go.tmpl", file, file.Service)
}

// Test returns the Go file that helps to test the services of file.
func Test(file model.File) ([]byte, error) {
	return render("test.go.tmpl", file, file.Test)
}

// parsed holds the templates. Its functions are placeholders: every file gets a copy that has its own import table.
var parsed = template.Must(template.New("").Funcs(functions(newImports(model.Output{}))).ParseFS(templates.FS, "*.go.tmpl"))

// functions returns all that a template can call.
func functions(imports *imports) template.FuncMap {
	return template.FuncMap{
		"ident":       imports.ident,
		"quote":       func(s string) string { return fmt.Sprintf("%q", s) },
		"strings":     func(list []string) string { return fmt.Sprintf("%#v", list) },
		"duration":    imports.duration,
		"slog":        imports.of(slogPackage),
		"context":     imports.of(contextPackage),
		"testing":     imports.of(testingPackage),
		"grpc":        imports.of(grpcPackage),
		"runtime":     imports.of(runtimePackage),
		"servicetest": imports.of(servicetestPackage),
		"helper":      imports.helper,
	}
}

// header is what the top of a file needs to know.
type header struct {
	Source     string
	Deprecated bool
	Doc        string
	Package    string
	Imports    [][]string // the lines of each group
}

// render returns the file that out describes. The body comes first, as writing it finds the imports.
func render(name string, file model.File, out model.Output) ([]byte, error) {
	imports := newImports(out, file.Descriptor)
	tmpl, err := parsed.Clone()
	if err != nil {
		return nil, fmt.Errorf("copy templates: %w", err)
	}
	tmpl.Funcs(functions(imports))
	var body, text bytes.Buffer
	if err := tmpl.ExecuteTemplate(&body, name, file); err != nil {
		return nil, err
	}
	head := header{Source: file.Source, Deprecated: out.Deprecated, Doc: out.Doc, Package: out.Package, Imports: imports.groups()}
	if err := tmpl.ExecuteTemplate(&text, "header.go.tmpl", head); err != nil {
		return nil, err
	}
	body.WriteTo(&text)
	formatted, err := gofmt(text.Bytes())
	if err != nil {
		return nil, fmt.Errorf("%s: the generated code does not parse: %w", out.File, err)
	}
	return formatted, nil
}

// gofmt formats text until that changes nothing, so that nobody's gofmt does. Once is not enough where gofmt sees a heading
// in a comment only after it has set apart what is around it.
func gofmt(text []byte) ([]byte, error) {
	const enough = 4
	for range enough {
		formatted, err := format.Source(text)
		if err != nil || bytes.Equal(formatted, text) {
			return formatted, err
		}
		text = formatted
	}
	return text, nil
}
