package gen

import (
	"fmt"
	"reflect"
	"slices"
	"text/template/parse"

	"github.com/grpcservice/grpcservice/internal/diag"
	"github.com/grpcservice/grpcservice/internal/gen/typecheck"
	"github.com/grpcservice/grpcservice/internal/gen/view"
	"github.com/grpcservice/grpcservice/internal/model"
)

// entries returns the templates that package gen executes directly. All other templates are called
// by them.
func entries() []typecheck.Entry {
	ofFile := functions(newImports(model.Output{}))
	ofApp := appFunctions(newImports(model.Output{}))
	ofUser := frameFunctions(anyFrame())
	return append(patternEntries(ofFile, ofUser), []typecheck.Entry{
		{Template: "service.go.tmpl", Data: reflect.TypeFor[view.File](), Functions: ofFile},
		{Template: "test.go.tmpl", Data: reflect.TypeFor[view.File](), Functions: ofFile},
		{Template: "gogrpc.go.tmpl", Data: reflect.TypeFor[view.File](), Functions: ofFile},
		{Template: "header.go.tmpl", Data: reflect.TypeFor[view.Header](), Functions: ofFile},
		{Template: "app.go.tmpl", Data: reflect.TypeFor[view.App](), Functions: ofApp},
		{Template: "app_header.go.tmpl", Data: reflect.TypeFor[view.AppHeader](), Functions: ofApp},
		{Template: "telemetry.go.tmpl", Data: reflect.TypeFor[view.App](), Functions: ofApp},
		{Template: "telemetry_header.go.tmpl", Data: reflect.TypeFor[view.AppHeader](), Functions: ofApp},
		{Template: "skeleton_type.go.tmpl", Data: reflect.TypeFor[view.Implementation](), Functions: ofUser},
		{Template: "skeleton_assertion.go.tmpl", Data: reflect.TypeFor[view.Implementation](), Functions: ofUser},
		{Template: "skeleton_constructor.go.tmpl", Data: reflect.TypeFor[view.Implementation](), Functions: ofUser},
		{Template: "skeleton_test.go.tmpl", Data: reflect.TypeFor[view.Implementation](), Functions: ofUser},
		{Template: "skeleton_example.go.tmpl", Data: reflect.TypeFor[view.MethodStub](), Functions: ofUser},
		{Template: "skeleton_method.go.tmpl", Data: reflect.TypeFor[view.MethodStub](), Functions: ofUser},
	}...)
}

// check returns the problems of the templates as a whole, sorted by position.
func (l *loader) check() (problems diag.List) {
	for _, entry := range entries() {
		for _, f := range typecheck.Check(entry, l.lookup) {
			problems.Add(l.problemOf(f))
		}
	}
	return problems.Canonical()
}

func (l *loader) lookup(name string) *parse.Tree {
	return l.trees[name]
}

// problemOf returns a fault as a problem with a position. If a user's file replaces a file and does
// not define a template that the replaced file defines, the problem is in the user's file, not at
// the call.
func (l *loader) problemOf(f typecheck.Fault) diag.Problem {
	if call, ok := f.Node.(*parse.TemplateNode); ok && l.lookup(call.Name) == nil {
		for _, r := range l.replaced {
			if slices.Contains(r.defines, call.Name) {
				at := diag.Position{Path: r.by, Line: 1, Column: 1}
				return diag.Problem{Position: at, Text: fmt.Sprintf("it does not define %q, which the template that it replaces defines and other templates call; define it", call.Name)}
			}
		}
	}
	return diag.Problem{Position: positionOf(f.Tree, f.Node), Text: f.Text}
}
