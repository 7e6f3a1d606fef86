package gen

import (
	"strings"
	"text/template"

	"github.com/grpcservice/grpcservice/internal/gen/typecheck"
	"github.com/grpcservice/grpcservice/internal/gen/view"
	"github.com/grpcservice/grpcservice/internal/pattern/table"
)

// helperTemplate, stubTemplate and workTemplate return the names of a pattern's templates.
func helperTemplate(pattern string) string { return "helper_" + pattern + ".go.tmpl" }
func stubTemplate(pattern string) string   { return "stub_" + pattern + ".go.tmpl" }
func workTemplate(pattern string) string   { return "work_" + pattern + ".go.tmpl" }

// ofPattern reports whether a template belongs to a pattern, and returns the prefix of its name.
func ofPattern(template string) (prefix string, ok bool) {
	for _, p := range table.Patterns() {
		for _, of := range []func(string) string{helperTemplate, stubTemplate, workTemplate} {
			if of(p.Name) == template {
				return strings.TrimSuffix(template, p.Name+".go.tmpl"), true
			}
		}
	}
	return "", false
}

// patternTemplates executes the templates of patterns.
type patternTemplates struct{ *executor }

// arguments renders the arguments of a helper with the template of its pattern.
func (t patternTemplates) arguments(h *view.Helper) (string, error) {
	return t.write(helperTemplate(h.Pattern), h.Arguments)
}

// stub renders the body of a user's method with the template of its pattern.
func (t patternTemplates) stub(m view.MethodStub) (string, error) {
	return t.write(stubTemplate(m.Helper.Pattern), stubOf(m))
}

// stubOf returns the data that the templates of a pattern see of a user's method.
func stubOf(m view.MethodStub) any {
	if stub, ok := m.Helper.Stub.(view.Stub); ok {
		return stub.Of(m)
	}
	return m
}

// write returns the output of a template without trailing newlines.
func (t patternTemplates) write(name string, data any) (string, error) {
	text, err := t.execute(name, data)
	if err != nil {
		return "", placedError{err}
	}
	return strings.TrimRight(string(text), "\n"), nil
}

// patternEntries returns the entries of the templates of patterns. It adds the functions that
// execute those templates to ofFile and ofUser.
func patternEntries(ofFile, ofUser template.FuncMap) (entries []typecheck.Entry) {
	ofFile["arguments"], ofUser["stub"] = patternTemplates{}.arguments, patternTemplates{}.stub
	for _, p := range table.Patterns() {
		if p.Arguments == nil {
			continue
		}
		entries = append(entries,
			typecheck.Entry{Template: helperTemplate(p.Name), Data: p.Arguments, Functions: ofFile},
			typecheck.Entry{Template: stubTemplate(p.Name), Data: p.Stub, Functions: ofUser})
		if p.Works {
			entries = append(entries, typecheck.Entry{Template: workTemplate(p.Name), Data: p.Stub, Functions: ofUser})
		}
	}
	return entries
}
