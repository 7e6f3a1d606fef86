package workspace

import (
	"errors"
	"io/fs"
	"path"
	"strings"

	"github.com/grpcservice/grpcservice/internal/golang"
	"github.com/grpcservice/grpcservice/internal/gomod"
)

// Modules returns the modules in the go.mod and go.work above the directory that the process runs
// in. It returns nil if there is no go.mod, so that nothing is known.
func (w Workspace) Modules() *golang.Modules {
	if w.Tree == nil {
		return nil
	}
	for dir := w.Dir; ; dir = path.Dir(dir) {
		if text, err := fs.ReadFile(w.Tree, path.Join(dir, "go.mod")); err == nil {
			return w.modulesOf(dir, string(text))
		}
		if dir == "." {
			return nil
		}
	}
}

// modulesOf returns the modules known to the go.mod in a directory: itself, those that it replaces
// with directories, those of its workspace, those below it, and those that it requires. It returns
// nil if the go.mod has no module path.
func (w Workspace) modulesOf(dir, text string) *golang.Modules {
	if modulePath(text) == "" {
		return nil
	}
	m := &golang.Modules{Near: modulePath(text), Own: []string{modulePath(text)}}
	for _, d := range gomod.Directives(text) {
		if d.Verb == "require" && len(d.Args) > 0 {
			m.Required = append(m.Required, d.Args[0])
		}
	}
	for _, r := range replacements(text) {
		m.Own = append(m.Own, r.module)
	}
	if work, found := goWorkAbove(w.Tree, dir); found {
		for _, used := range work.modules() {
			w.addModule(m, used.dir)
		}
	}
	w.addBelow(m, dir, modulesBelow)
	return m
}

// modulesBelow is how many levels of directories below a go.mod are searched for modules, such as
// one for generated code alone.
const modulesBelow = 3

// addBelow adds the modules below a directory, down to a depth.
func (w Workspace) addBelow(m *golang.Modules, dir string, depth int) {
	entries, err := fs.ReadDir(w.Tree, dir)
	if err != nil || depth == 0 {
		return
	}
	for _, entry := range entries {
		name := entry.Name()
		ignored := strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") || name == "vendor" || name == "node_modules" || name == "testdata"
		if below := path.Join(dir, name); entry.IsDir() && !ignored && !w.addModule(m, below) {
			w.addBelow(m, below, depth-1)
		}
	}
}

// addModule adds the module in a directory. It reports whether the directory has a go.mod.
func (w Workspace) addModule(m *golang.Modules, dir string) bool {
	text, err := fs.ReadFile(w.Tree, path.Join(dir, "go.mod"))
	if err == nil {
		m.Own = append(m.Own, modulePath(string(text)))
	}
	return !errors.Is(err, fs.ErrNotExist)
}
