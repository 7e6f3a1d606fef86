package gen

import (
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/grpcservice/grpcservice/internal/gen/view"
	"github.com/grpcservice/grpcservice/internal/pattern"
	"github.com/grpcservice/grpcservice/internal/pattern/table"
)

// documented is the path of the page for template authors.
const documented = "../../docs/templates.md"

// TestDocs checks that the page lists exactly what templates can use: types with their fields and
// methods, functions, and template names.
func TestDocs(t *testing.T) {
	page, err := os.ReadFile(documented)
	if err != nil {
		t.Fatal(err)
	}
	got := tablesOf(string(page))
	want := typesOfTemplates(t)
	want["functions"] = nil
	for _, entry := range entries() {
		for name := range entry.Functions {
			if !slices.Contains(want["functions"], name) {
				want["functions"] = append(want["functions"], name)
			}
		}
	}
	want["templates"] = TemplateNames()
	for _, name := range slices.Sorted(maps.Keys(want)) {
		slices.Sort(want[name])
		slices.Sort(got[name])
		if !slices.Equal(got[name], want[name]) {
			t.Errorf("%s: of %s the page has %q, want %q", documented, name, got[name], want[name])
		}
	}
	for name := range got {
		if want[name] == nil {
			t.Errorf("%s: there is no %s", documented, name)
		}
	}
	example, err := os.ReadFile("../../testdata/templates/templates/name.go.tmpl")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), "```\n"+string(example)+"```\n") {
		t.Errorf("%s does not show the template that the golden case templates has:\n%s", documented, example)
	}
}

var (
	sectionPattern = regexp.MustCompile("(?m)^#+ `?([A-Za-z.]+)`?$")
	rowPattern     = regexp.MustCompile("(?m)^\\| ((?:`[^`]+`,? ?)+)")
	namePattern    = regexp.MustCompile("`([^`]+)`")
)

// tablesOf returns the names in the first column of each table of a page. The key is the heading
// above the table: a type, "functions" or "templates".
func tablesOf(page string) map[string][]string {
	tables := make(map[string][]string)
	heads := sectionPattern.FindAllStringSubmatchIndex(page, -1)
	for i, head := range heads {
		end := len(page)
		if i+1 < len(heads) {
			end = heads[i+1][0]
		}
		name := page[head[2]:head[3]]
		if lower := strings.ToLower(name); lower == "functions" || lower == "templates" {
			name = lower
		}
		for _, row := range rowPattern.FindAllStringSubmatch(page[head[1]:end], -1) {
			for _, cell := range namePattern.FindAllStringSubmatch(row[1], -1) {
				word, _, _ := strings.Cut(cell[1], " ")
				tables[name] = append(tables[name], word)
			}
		}
	}
	return tables
}

// selfExplained lists the packages whose types the page does not list: the standard library, and
// package policy, to which the page refers.
var selfExplained = []string{"", "time", "log/slog", "github.com/grpcservice/grpcservice/runtime/policy"}

// viewed lists the packages of the types that the page documents. Templates must not see any other
// types, except those of patterns.
var viewed = []string{"github.com/grpcservice/grpcservice/internal/gen/view", "github.com/grpcservice/grpcservice/internal/golang"}

// typesOfTemplates returns the names of the fields and methods of every type that templates see, by
// type name.
func typesOfTemplates(t *testing.T) map[string][]string {
	types := make(map[string][]string)
	var visit func(reflect.Type)
	visit = func(seen reflect.Type) {
		for seen.Kind() == reflect.Pointer || seen.Kind() == reflect.Slice || seen.Kind() == reflect.Map {
			seen = seen.Elem()
		}
		if slices.Contains(selfExplained, seen.PkgPath()) || types[nameOf(seen)] != nil {
			return
		}
		if !slices.Contains(viewed, seen.PkgPath()) && !isOfPattern(seen) {
			t.Errorf("templates see %s, which is of none of the packages %q", seen, viewed)
		}
		names, results := members(seen)
		types[nameOf(seen)] = names
		for _, result := range results {
			visit(result)
		}
	}
	for _, entry := range entries() {
		visit(entry.Data)
	}
	return types
}

// isOfPattern reports whether t is in a package whose types the templates of a pattern see.
func isOfPattern(t reflect.Type) bool {
	return slices.ContainsFunc(table.Patterns(), func(p pattern.Pattern) bool {
		return p.Arguments != nil && (t.PkgPath() == p.Arguments.PkgPath() || t.PkgPath() == p.Stub.PkgPath())
	})
}

// nameOf returns the name of a type as the page spells it. It qualifies the types of patterns,
// because several patterns have types of the same name.
func nameOf(t reflect.Type) string {
	if isOfPattern(t) {
		return t.String()
	}
	return t.Name()
}

// isInner reports whether only package gen calls the method: the method Of of a [view.Stub], which
// returns the data of a template.
func isInner(t reflect.Type, method string) bool {
	return t.Implements(reflect.TypeFor[view.Stub]()) && method == "Of"
}

// members returns the names and types of the fields and methods that a template sees of t, without
// the methods promoted from embedded fields.
func members(t reflect.Type) (names []string, results []reflect.Type) {
	embedded := make(map[string]bool)
	if t.Kind() == reflect.Struct {
		for i := range t.NumField() {
			f := t.Field(i)
			if !f.IsExported() {
				continue
			}
			results = append(results, f.Type)
			names = append(names, f.Name)
			if f.Anonymous {
				for _, of := range []reflect.Type{f.Type, reflect.PointerTo(f.Type)} {
					for j := range of.NumMethod() {
						embedded[of.Method(j).Name] = true
					}
				}
			}
		}
	}
	pointer := reflect.PointerTo(t)
	for i := range pointer.NumMethod() {
		if m := pointer.Method(i); !embedded[m.Name] && m.Type.NumOut() > 0 && !isInner(t, m.Name) {
			names = append(names, m.Name)
			results = append(results, m.Type.Out(0))
		}
	}
	return names, results
}
