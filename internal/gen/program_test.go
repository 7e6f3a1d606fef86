package gen

import (
	"reflect"
	"testing"
	"text/template/parse"

	"github.com/grpcservice/grpcservice/internal/gen/view"
	"github.com/grpcservice/grpcservice/internal/model"
	"github.com/grpcservice/grpcservice/internal/pattern/table"
)

// TestProgram checks that the program compiles the templates of generated files. TestExact in
// package plugin compares its output with that of text/template.
func TestProgram(t *testing.T) {
	templates := &Templates{trees: make(map[string]*parse.Tree), areOurs: true}
	p := templates.executor(functions(newImports(model.Output{}))).program
	compile := func(name string, data reflect.Type) {
		t.Helper()
		defer func() {
			if r := recover(); r != nil {
				t.Errorf("%s of %v: the program does not know %v", name, data, r)
			}
		}()
		p.routine(name, data)
	}
	compile("service.go.tmpl", reflect.TypeFor[view.File]())
	compile("test.go.tmpl", reflect.TypeFor[view.File]())
	compile("gogrpc.go.tmpl", reflect.TypeFor[view.File]())
	compile("header.go.tmpl", reflect.TypeFor[view.Header]())
	for _, pattern := range table.Patterns() {
		if pattern.Arguments != nil {
			compile(helperTemplate(pattern.Name), pattern.Arguments)
		}
	}
}
