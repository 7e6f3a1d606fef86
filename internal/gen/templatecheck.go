package gen

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"text/template/parse"

	"github.com/grpcservice/grpcservice/internal/gen/typecheck"
	"github.com/grpcservice/grpcservice/internal/model"
)

// entries are the templates that are executed. All others are called by them.
func entries() []typecheck.Entry {
	ofFile := functions(newImports(model.Output{}))
	ofApp := appFunctions(newImports(model.Output{}))
	ofUser := frameFunctions(anyFrame())
	return []typecheck.Entry{
		{Template: "service.go.tmpl", Data: reflect.TypeFor[model.File](), Functions: ofFile},
		{Template: "test.go.tmpl", Data: reflect.TypeFor[model.File](), Functions: ofFile},
		{Template: "header.go.tmpl", Data: reflect.TypeFor[header](), Functions: ofFile},
		{Template: "app.go.tmpl", Data: reflect.TypeFor[model.App](), Functions: ofApp},
		{Template: "app_header.go.tmpl", Data: reflect.TypeFor[appHeader](), Functions: ofApp},
		{Template: "skeleton_type.go.tmpl", Data: reflect.TypeFor[model.Implementation](), Functions: ofUser},
		{Template: "skeleton_assertion.go.tmpl", Data: reflect.TypeFor[model.Implementation](), Functions: ofUser},
		{Template: "skeleton_constructor.go.tmpl", Data: reflect.TypeFor[model.Implementation](), Functions: ofUser},
		{Template: "skeleton_test.go.tmpl", Data: reflect.TypeFor[model.Implementation](), Functions: ofUser},
		{Template: "skeleton_example.go.tmpl", Data: reflect.TypeFor[model.MethodStub](), Functions: ofUser},
		{Template: "skeleton_work.go.tmpl", Data: reflect.TypeFor[model.MethodStub](), Functions: ofUser},
		{Template: "skeleton_method.go.tmpl", Data: reflect.TypeFor[model.MethodStub](), Functions: ofUser},
	}
}

// check returns what is wrong with the templates as a whole, in the order of the places.
func (l *loader) check() (errs []error) {
	var faults []fault
	for _, entry := range entries() {
		for _, f := range typecheck.Check(entry, l.lookup) {
			if found := l.faultOf(f); !slices.Contains(faults, found) {
				faults = append(faults, found)
			}
		}
	}
	slices.SortFunc(faults, func(a, b fault) int {
		return cmp.Or(strings.Compare(a.file, b.file), cmp.Compare(a.line, b.line), cmp.Compare(a.column, b.column), strings.Compare(a.text, b.text))
	})
	for _, f := range faults {
		errs = append(errs, fmt.Errorf("%s:%d:%d: %s", f.file, f.line, f.column, f.text))
	}
	return errs
}

func (l *loader) lookup(name string) *parse.Tree {
	if t := l.set.Lookup(name); t != nil {
		return t.Tree
	}
	return nil
}

// fault is something that is wrong with a template.
type fault struct {
	file         string
	line, column int
	text         string
}

// faultOf places a fault. A template is missing in the file whose original defines it, whichever template calls it.
func (l *loader) faultOf(f typecheck.Fault) fault {
	if call, ok := f.Node.(*parse.TemplateNode); ok && l.lookup(call.Name) == nil {
		for _, r := range l.replaced {
			if slices.Contains(r.defines, call.Name) {
				return fault{r.by, 1, 1, fmt.Sprintf("it does not define %q, which the template that it replaces does, and which others call; define it", call.Name)}
			}
		}
	}
	file, line, column := placeOf(f.Tree, f.Node)
	return fault{file, line, column, f.Text}
}
