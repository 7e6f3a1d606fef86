// Package gen renders models as Go source. It spells identifiers, tracks the imports of each file,
// and formats the result.
//
// Package templates holds the text, and package model decides what it says.
package gen

import (
	"fmt"
	"go/token"
	"text/template"
	"unicode"
	"unicode/utf8"

	"github.com/grpcservice/grpcservice/internal/gen/view"
	"github.com/grpcservice/grpcservice/internal/gofmt"
	"github.com/grpcservice/grpcservice/internal/golang"
	"github.com/grpcservice/grpcservice/internal/model"
)

// Service returns the Go file with the interfaces, servers and clients of the services of file.
func (t *Templates) Service(file model.File) ([]byte, error) {
	return t.render("service.go.tmpl", t.viewOf(file), file.Service)
}

// Test returns the Go file with the test helpers for the services of file.
func (t *Templates) Test(file model.File) ([]byte, error) {
	return t.render("test.go.tmpl", t.viewOf(file), file.Test)
}

// Adapters returns the Go file with the adapters between the services of file and the code of
// protoc-gen-go-grpc.
func (t *Templates) Adapters(file model.File) ([]byte, error) {
	return t.render("gogrpc.go.tmpl", t.viewOf(file), file.Adapters)
}

// viewOf returns the view of a file. It keeps the last one: a file has several outputs.
func (t *Templates) viewOf(file model.File) view.File {
	if t.viewed == nil || t.viewed.Source != file.Source {
		viewed := view.OfFile(file)
		t.viewed = &viewed
	}
	return *t.viewed
}

// functions returns the functions that the templates of generated files can call.
func functions(imports *imports) template.FuncMap {
	return template.FuncMap{
		"ident":       imports.ident,
		"quote":       quote,
		"strings":     func(list []string) string { return fmt.Sprintf("%#v", list) },
		"duration":    imports.duration,
		"literal":     imports.literal,
		"slog":        imports.of(slogPackage),
		"context":     imports.of(contextPackage),
		"testing":     imports.of(testingPackage),
		"grpc":        imports.of(grpcPackage),
		"runtime":     imports.of(runtimePackage),
		"server":      imports.of(serverPackage),
		"client":      imports.of(clientPackage),
		"field":       fieldName,
		"gogrpc":      imports.of(gogrpcPackage),
		"servicetest": imports.of(servicetestPackage),
		"helper":      imports.helper,
		"open":        func() string { return openMark },
		"close":       func() string { return closeMark },
	}
}

// fieldName returns the name of the client's field for a method. It appends RPC to a keyword and to
// a name that is the same as the method's.
func fieldName(goName string) string {
	first, size := utf8.DecodeRuneInString(goName)
	name := string(unicode.ToLower(first)) + goName[size:]
	if name == goName || token.IsKeyword(name) {
		name += "RPC"
	}
	return name
}

// render renders and formats the file that out describes.
func (t *Templates) render(name string, file view.File, out model.Output) ([]byte, error) {
	return t.format(out.File, func(t *Templates) ([]byte, error) { return t.text(name, file, out) })
}

// text renders the file that out describes, unformatted. It renders the body first, because that
// collects the imports for the header.
func (t *Templates) text(name string, file view.File, out model.Output) ([]byte, error) {
	if t.files == nil {
		t.imports = &imports{}
		t.files = t.executor(functions(t.imports))
	}
	*t.imports = *newImports(out, file.Descriptor)
	body, err := t.files.execute(name, file)
	if err != nil {
		return nil, err
	}
	head := view.Header{Source: file.Source, Deprecated: out.Deprecated, Doc: out.Doc, Package: out.Package, Imports: t.imports.groups()}
	top, err := t.files.execute("header.go.tmpl", head)
	return append(top, body...), err
}

// format returns the output of write, formatted like gofmt. If the output does not parse, the error
// starts with the position in the template.
func (t *Templates) format(file string, write func(*Templates) ([]byte, error)) ([]byte, error) {
	text, err := write(t)
	if err != nil {
		return nil, err
	}
	if t.areOurs { // what they write parses
		text := fold(text)
		if formatted, ok := gofmt.Source(text); ok {
			return formatted, nil
		}
		if formatted, err := golang.Format(text); err == nil {
			return formatted, nil
		}
	}
	if _, err := golang.Format(unfolded(text)); err != nil {
		return nil, t.blame(file, unfolded(text), err, write)
	}
	return golang.Format(fold(text))
}
