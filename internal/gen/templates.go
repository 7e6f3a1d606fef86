package gen

import (
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"text/template/parse"

	"github.com/grpcservice/grpcservice/internal/diag"
	"github.com/grpcservice/grpcservice/internal/gen/view"
	"github.com/grpcservice/grpcservice/templates"
)

// Templates holds the templates of a run: the built-in ones, some of them replaced by the user's.
//
// It is not safe for concurrent use.
type Templates struct {
	trees   map[string]*parse.Tree // by name; if areOurs, only those used so far
	areOurs bool                   // whether none is a user's
	homes   map[string]string      // if areOurs, the file of each template
	files   *executor              // for generated files; nil before the first
	imports *imports               // of the file that files is executing for
	viewed  *view.File             // the last file
}

// tree returns the template with a name, or nil if it does not exist.
func (t *Templates) tree(name string) (*parse.Tree, error) {
	if tree := t.trees[name]; tree != nil || !t.areOurs {
		return tree, nil
	}
	if t.homes == nil {
		t.homes = homesOf(TemplateNames())
	}
	file := t.homes[name]
	trees, err := parseTemplate(file, ours(file))
	maps.Copy(t.trees, trees)
	return t.trees[name], err
}

// homesOf returns the names of the templates that built-in files define, with the file of each.
func homesOf(files []string) map[string]string {
	homes := make(map[string]string)
	for _, file := range files {
		homes[file] = file
		for _, define := range strings.Split(ours(file), `define "`)[1:] {
			name, _, _ := strings.Cut(define, `"`)
			homes[name] = file
		}
	}
	return homes
}

// UserTemplate is a file that replaces the built-in template of the same base name.
type UserTemplate struct {
	Path string // slash-separated, as errors spell it
	Text string
}

// TemplateNames returns the names of the built-in templates, sorted. A user's template must have
// one of them.
func TemplateNames() (names []string) {
	entries, err := fs.ReadDir(templates.FS, ".")
	if err != nil {
		return nil // unreachable: the directory is embedded
	}
	for _, entry := range entries {
		if strings.HasSuffix(entry.Name(), ".go.tmpl") {
			names = append(names, entry.Name())
		}
	}
	return names
}

// kindsOfTemplates returns the names of the built-in templates, with one name for the templates
// that each pattern has.
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

// CopyOf returns a built-in template, with the version line, as a starting point for a user's. It
// reports false if there is no template of that name.
func CopyOf(name string) (text string, found bool) {
	if !slices.Contains(TemplateNames(), name) {
		return "", false
	}
	return VersionLine() + "\n" + ours(name), true
}

// source is the origin of a template.
type source struct {
	path   string
	isUser bool
}

// loader collects the templates of a run.
type loader struct {
	trees     map[string]*parse.Tree
	definedIn map[string]source // by template name
	replaced  []replaced
	problems  diag.List
}

// replaced is a built-in file that a user's file replaces, with the names of the templates that it
// defines.
type replaced struct {
	name    string
	by      string
	defines []string
}

func (l *loader) isReplaced(name string) bool {
	return slices.ContainsFunc(l.replaced, func(r replaced) bool { return r.name == name })
}

// addUser adds a user's file.
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

// add adds the templates that a file defines: one with the name of the file, and others. It reports
// a name that is already defined.
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
		l.trees[defined] = tree
	}
}

// parseTemplate returns the templates that a file defines, by name. The name of the file's own
// template is its path. It does not check functions, because they depend on the calling template.
func parseTemplate(path, text string) (map[string]*parse.Tree, error) {
	trees := make(map[string]*parse.Tree)
	tree := parse.New(path)
	tree.Mode = parse.SkipFuncCheck
	if _, err := tree.Parse(text, "", "", trees); err != nil {
		return nil, parseError(path, text, err)
	}
	return trees, nil
}

// redefined reports a name that two files define, in the user's file.
func (l *loader) redefined(name string, a, b source) {
	if !a.isUser {
		a, b = b, a
	}
	l.problems.Errorf(diag.At(a.path), "it defines %q, which %s also defines; choose another name, or replace that file", name, b.path)
}

// definesOf returns the names that a built-in file defines besides its own.
func definesOf(name string) (names []string) {
	trees, err := parseTemplate(name, ours(name))
	if err != nil {
		return nil // unreachable: a test checks that built-in templates parse
	}
	delete(trees, name)
	return slices.Collect(maps.Keys(trees))
}

// ours returns the text of a built-in template.
func ours(name string) string {
	text, err := fs.ReadFile(templates.FS, name)
	if err != nil {
		return "" // unreachable: the name is from TemplateNames
	}
	return string(text)
}

// normal returns text with LF line endings and without a byte order mark.
func normal(text string) string {
	return strings.ReplaceAll(strings.TrimPrefix(text, "\uFEFF"), "\r\n", "\n")
}
