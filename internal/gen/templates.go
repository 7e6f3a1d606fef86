package gen

import (
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"text/template"
	"text/template/parse"

	"github.com/grpcservice/grpcservice/internal/diag"
	"github.com/grpcservice/grpcservice/templates"
)

// Templates are the templates of a run: ours, and a user's in the place of some of them.
type Templates struct {
	set *template.Template // without functions: every file gets a copy with those of its own import table
}

// UserTemplate is a file that goes in the place of our template of the same base name.
type UserTemplate struct {
	Path string // with slashes, as errors name it
	Text string
}

// LoadTemplates returns the templates of a run. The error is all that is wrong with the user's, a line each that begins with the
// place: what does not parse, and names of fields, functions and templates that do not exist, whether a run gets there or not.
func LoadTemplates(user ...UserTemplate) (*Templates, error) {
	l := loader{set: template.New(""), definedIn: make(map[string]source)}
	for _, u := range user {
		l.addUser(u)
	}
	if err := l.problems.Err(); err != nil {
		return nil, err
	}
	for _, name := range TemplateNames() {
		if !l.isReplaced(name) {
			l.add(name, source{path: name}, ours(name))
		}
	}
	if len(user) > 0 {
		l.problems.Add(l.check()...)
	}
	if err := l.problems.Err(); err != nil {
		return nil, err
	}
	return &Templates{set: l.set}, nil
}

// TemplateNames returns the names of our templates, sorted. A user's template has one of them.
func TemplateNames() []string {
	names, err := fs.Glob(templates.FS, "*.go.tmpl")
	if err != nil {
		return nil // not reached: the pattern is sound
	}
	return names
}

// kindsOfTemplates returns the names of our templates, with one for the same template of all patterns.
func kindsOfTemplates() (names []string) {
	for _, name := range TemplateNames() {
		if prefix, ok := ofPattern(name); ok {
			name = prefix + "<pattern>.go.tmpl"
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// CopyOf returns our template of a name as a user's begins; found is false where there is none of that name.
func CopyOf(name string) (text string, found bool) {
	if !slices.Contains(TemplateNames(), name) {
		return "", false
	}
	return VersionLine() + "\n" + ours(name), true
}

// source is where a template is from.
type source struct {
	path   string
	isUser bool
}

// loader puts templates together.
type loader struct {
	set       *template.Template
	definedIn map[string]source // by the name of the template
	replaced  []replaced
	problems  diag.List
}

// replaced is one of our files that a user's goes in the place of, with what it defines.
type replaced struct {
	name    string
	by      string
	defines []string
}

func (l *loader) isReplaced(name string) bool {
	return slices.ContainsFunc(l.replaced, func(r replaced) bool { return r.name == name })
}

// addUser adds a file of the user.
func (l *loader) addUser(u UserTemplate) {
	name := path.Base(u.Path)
	if !slices.Contains(TemplateNames(), name) {
		l.problems.Errorf(diag.At(u.Path), "it replaces no template; rename it to one of %s", strings.Join(kindsOfTemplates(), ", "))
		return
	}
	text := normal(u.Text)
	if err := checkVersion(u.Path, text); err != nil {
		l.problems.Fail(err)
		return
	}
	l.replaced = append(l.replaced, replaced{name: name, by: u.Path, defines: definesOf(name)})
	l.add(name, source{path: u.Path, isUser: true}, text)
}

// add adds what a file defines: a template of its own name, and others. Nothing is defined twice.
func (l *loader) add(name string, from source, text string) {
	trees, err := parseTemplate(from.path, text)
	if err != nil {
		l.problems.Fail(err)
		return
	}
	for _, defined := range slices.Sorted(maps.Keys(trees)) {
		tree := trees[defined]
		if defined == from.path {
			defined = name
		}
		if before, found := l.definedIn[defined]; found {
			l.redefined(defined, before, from)
			continue
		}
		l.definedIn[defined] = from
		if _, err := l.set.AddParseTree(defined, tree); err != nil {
			l.problems.Fail(err)
		}
	}
}

// parseTemplate returns the templates that a file defines, by their names: its own is its path. Which functions there are is not
// known here, as that depends on who calls it.
func parseTemplate(path, text string) (map[string]*parse.Tree, error) {
	trees := make(map[string]*parse.Tree)
	tree := parse.New(path)
	tree.Mode = parse.SkipFuncCheck
	if _, err := tree.Parse(text, "", "", trees); err != nil {
		return nil, parseError(path, text, err)
	}
	return trees, nil
}

// redefined reports a name that two files define, at the user's of them.
func (l *loader) redefined(name string, a, b source) {
	if !a.isUser {
		a, b = b, a
	}
	l.problems.Errorf(diag.At(a.path), "it defines %q, which %s also defines; choose another name, or replace that file", name, b.path)
}

// definesOf returns the names that one of our files defines beside its own.
func definesOf(name string) (names []string) {
	trees, err := parseTemplate(name, ours(name))
	if err != nil {
		return nil // not reached: a test holds that ours parse
	}
	delete(trees, name)
	return slices.Collect(maps.Keys(trees))
}

// ours returns the text of one of our templates.
func ours(name string) string {
	text, err := fs.ReadFile(templates.FS, name)
	if err != nil {
		return "" // not reached: the name is from TemplateNames
	}
	return string(text)
}

// normal returns a text with the line ends that generated code has, and without the mark that some editors put first.
func normal(text string) string {
	return strings.ReplaceAll(strings.TrimPrefix(text, "\uFEFF"), "\r\n", "\n")
}
