package workspace

import (
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/grpcservice/grpcservice/internal/gomod"
)

// modulePath returns the module path in a go.mod, or "".
func modulePath(mod string) string {
	for _, d := range gomod.Directives(mod) {
		if d.Verb == "module" && len(d.Args) == 1 {
			return d.Args[0]
		}
	}
	return ""
}

// replacement is a directory that a go.mod or go.work substitutes for a module.
type replacement struct {
	module string
	target string // as written: "./shared", "../shared" or "/shared"
	line   int
}

// replacements returns the replace directives that name a directory.
func replacements(text string) (all []replacement) {
	for _, d := range gomod.Directives(text) {
		if d.Verb != "replace" {
			continue
		}
		for i, word := range d.Args {
			if word != "=>" || i == 0 || i+1 >= len(d.Args) {
				continue
			}
			if target := d.Args[i+1]; strings.HasPrefix(target, "./") || strings.HasPrefix(target, "../") || path.IsAbs(target) {
				all = append(all, replacement{d.Args[0], target, d.Line})
			}
		}
	}
	return all
}

// goVersionOf returns the newer of the go and toolchain versions in a go.mod or go.work, as a minor
// version of Go 1. It returns 0 if there is neither.
func goVersionOf(text string) (minor int) {
	for _, d := range gomod.Directives(text) {
		if (d.Verb == "go" || d.Verb == "toolchain") && len(d.Args) == 1 {
			minor = max(minor, minorVersion(strings.TrimPrefix(d.Args[0], "go")))
		}
	}
	return minor
}

// minorVersion returns the minor version of Go 1, such as 25 for "1.25.3" or "1.25rc1", or 0.
func minorVersion(version string) (minor int) {
	rest, ok := strings.CutPrefix(version, "1.")
	for ok && rest != "" && rest[0] >= '0' && rest[0] <= '9' && minor < 1000 {
		minor, rest = minor*10+int(rest[0]-'0'), rest[1:]
	}
	return minor
}

// goWork is the go.work above a module.
type goWork struct {
	dir  string // its directory, relative to the root of the tree
	text string
}

// goWorkAbove finds the go.work that Go uses in a directory.
func goWorkAbove(tree fs.FS, dir string) (goWork, bool) {
	for ; ; dir = path.Dir(dir) {
		if text, err := fs.ReadFile(tree, path.Join(dir, "go.work")); err == nil {
			return goWork{dir, string(text)}, true
		}
		if dir == "." {
			return goWork{}, false
		}
	}
}

// usedModule is a module that a build uses.
type usedModule struct {
	dir  string          // relative to the root of the tree
	use  gomod.Directive // the use directive in the go.work; empty without one
	from string          // the path of the go.work
}

// modules returns the modules of the workspace.
func (w goWork) modules() (all []usedModule) {
	for _, d := range gomod.Directives(w.text) {
		if d.Verb == "use" && len(d.Args) == 1 {
			all = append(all, usedModule{resolveIn(w.dir, d.Args[0]), d, path.Join(w.dir, "go.work")})
		}
	}
	return all
}

// uses reports whether the workspace uses the module in a directory.
func (w goWork) uses(dir string) bool {
	return slices.ContainsFunc(w.modules(), func(m usedModule) bool { return m.dir == dir })
}

// resolveIn resolves a path in the go.mod or go.work of dir, relative to the root of the tree.
func resolveIn(dir, target string) string {
	if path.IsAbs(target) {
		return path.Clean(strings.TrimPrefix(target, "/"))
	}
	return path.Join(dir, target)
}
