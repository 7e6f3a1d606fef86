package workspace

import (
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/grpcservice/grpcservice/internal/diag"
)

// BuildContext is what Docker copies to build a program: the module, and everything else that its
// build reads.
type BuildContext struct {
	Root      string    // its directory, relative to the root of the tree
	Workspace bool      // whether a go.work selects the modules of the build
	WorkOff   bool      // whether there is a go.work that does not use the module
	Problems  diag.List // warnings about what a build reads outside the repository
	minor     int       // the newest minor version of Go 1 in go.mod and go.work; or 0
}

// BuildContext returns the build context of the module in a directory. The context does not extend
// beyond the repository; what a build reads outside it is a warning.
func (w Workspace) BuildContext(module string) BuildContext {
	c := BuildContext{Root: module}
	modules := []usedModule{{dir: module}}
	work, found := goWorkAbove(w.Tree, module)
	c.Workspace = found && work.uses(module)
	c.WorkOff = found && !c.Workspace
	bound := w.boundOf(module, work, c.Workspace)
	if c.Workspace && !c.include(bound, work.dir) {
		c.warnOfWork(w, work)
		c.Workspace = false
	}
	if c.Workspace {
		modules = work.modules()
		c.minor = goVersionOf(work.text)
		c.replace(w, bound, path.Join(work.dir, "go.work"), work.text)
	}
	for _, m := range modules {
		text, err := fs.ReadFile(w.Tree, path.Join(m.dir, "go.mod"))
		if err != nil {
			continue // the go command reports it
		}
		if !c.include(bound, m.dir) {
			c.warn(w, m.from, m.use.Line, "use "+m.use.Args[0], bound)
			continue
		}
		c.minor = max(c.minor, goVersionOf(string(text)))
		c.replace(w, bound, path.Join(m.dir, "go.mod"), string(text))
	}
	c.WorkOff = c.WorkOff && inside(work.dir, c.Root)
	return c
}

// boundOf returns the topmost directory that a build context may have: that of the repository.
// Without a repository it is the topmost of the module, the directory that the plugin runs in and,
// in a workspace, the directory of the go.work.
func (w Workspace) boundOf(module string, work goWork, inWorkspace bool) string {
	for dir := module; ; dir = path.Dir(dir) {
		if _, err := fs.Stat(w.Tree, path.Join(dir, ".git")); err == nil {
			return dir
		}
		if dir == "." {
			break
		}
	}
	bound := module
	if inside(bound, w.Dir) {
		bound = w.Dir
	}
	if inWorkspace && inside(bound, work.dir) {
		bound = work.dir
	}
	return bound
}

// include widens the context to contain dir. It reports whether dir is within the bound.
func (c *BuildContext) include(bound, dir string) bool {
	if !inside(dir, bound) {
		return false
	}
	for !inside(dir, c.Root) {
		c.Root = path.Dir(c.Root)
	}
	return true
}

// replace includes the directories that the go.mod or go.work at file substitutes for modules.
func (c *BuildContext) replace(w Workspace, bound, file, text string) {
	for _, r := range replacements(text) {
		if !c.include(bound, resolveIn(path.Dir(file), r.target)) {
			c.warn(w, file, r.line, fmt.Sprintf("%s => %s", r.module, r.target), bound)
		}
	}
}

// warn adds a warning about a directory that is missing from the context, so that no image can be
// built.
func (c *BuildContext) warn(w Workspace, file string, line int, what, bound string) {
	at := diag.Position{Path: w.relative(file), Line: line, Column: min(line, 1)}
	c.Problems.Warnf(at, "%s is outside %s, from which the Dockerfile copies, "+
		"so no image can be built; move it there, or require a version of it", what, nameOf(bound))
}

// warnOfWork adds a warning that the image is built without the go.work.
func (c *BuildContext) warnOfWork(w Workspace, work goWork) {
	c.Problems.Warnf(diag.At(w.relative(path.Join(work.dir, "go.work"))),
		"it is outside the repository, so the image is built without it; check that GOWORK=off go build ./... succeeds")
}

// nameOf returns the name of a directory for a warning.
func nameOf(dir string) string {
	if dir == "." {
		return "/"
	}
	return "the directory " + path.Base(dir)
}

// relative returns a path of the tree relative to the directory that the plugin runs in.
func (w Workspace) relative(at string) string {
	up := ""
	for dir := path.Clean(w.Dir); ; dir, up = path.Dir(dir), up+"../" {
		if dir == "." {
			return up + at
		}
		if below, ok := strings.CutPrefix(at, dir+"/"); ok {
			return up + below
		}
	}
}

// inside reports whether the directory at is dir or below it.
func inside(at, dir string) bool {
	if at == ".." || strings.HasPrefix(at, "../") {
		return false
	}
	return dir == "." || at == dir || strings.HasPrefix(at, dir+"/")
}

// GoVersion returns the version of Go that builds the module, in the form of an image tag. It is
// the newest version in go.mod and go.work, and at least the given one.
func (c BuildContext) GoVersion(atLeast string) string {
	return fmt.Sprintf("1.%d", max(c.minor, minorVersion(atLeast)))
}

// Below returns a directory relative to the root of the context, "" for the root itself.
func (c BuildContext) Below(dir string) string {
	switch c.Root {
	case dir:
		return ""
	case ".":
		return dir
	default:
		return strings.TrimPrefix(dir, c.Root+"/")
	}
}
