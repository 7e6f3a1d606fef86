package bufproject

import (
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// rooted returns the path of a directory from the root of the disk.
func (p Project) rooted(dir string) string {
	if path.IsAbs(dir) {
		return strings.TrimPrefix(path.Clean(dir), "/")
	}
	return path.Join(p.here, dir)
}

// readAbove reads each go.mod outside the directory that the directory itself or an out is in.
func (p *Project) readAbove(open func(dir string) fs.FS, dir string) {
	places := []string{"."}
	for _, t := range p.Templates {
		for _, plugin := range t.Plugins {
			places = append(places, plugin.Out)
		}
	}
	for _, place := range places {
		for at := p.rooted(place); ; at = path.Dir(at) {
			if _, known := p.moduleIn(at); known || p.addModuleIn(open, dir, at) || at == "." || strings.HasPrefix(at, "..") {
				break
			}
		}
	}
}

// addModuleIn adds the go.mod in a directory outside this one, and reports whether there is one.
func (p *Project) addModuleIn(open func(dir string) fs.FS, dir, at string) bool {
	if at == p.here || strings.HasPrefix(at, p.here+"/") {
		return false // it would have been read
	}
	below, err := filepath.Rel(filepath.FromSlash("/"+p.here), filepath.FromSlash("/"+at))
	if err != nil {
		return false
	}
	text, whole, err := readStart(open(filepath.Join(dir, below)), "go.mod", longestFile)
	if err != nil || !whole {
		return false
	}
	p.addModule(path.Join(filepath.ToSlash(below), "go.mod"), text)
	return true
}

// moduleIn returns the module whose go.mod is in a directory, by its path from the root.
func (p Project) moduleIn(at string) (Module, bool) {
	i := slices.IndexFunc(p.Modules, func(m Module) bool { return p.rooted(m.Dir) == at })
	if i < 0 {
		return Module{}, false
	}
	return p.Modules[i], true
}

// ModuleAt returns the module that a directory belongs to.
func (p Project) ModuleAt(dir string) (Module, bool) {
	for at := p.rooted(dir); ; at = path.Dir(at) {
		if m, ok := p.moduleIn(at); ok {
			return m, true
		}
		if at == "." || strings.HasPrefix(at, "..") {
			return Module{}, false
		}
	}
}

// ImportPath returns the import path of a directory, or "" if it is in no module.
func (p Project) ImportPath(dir string) string {
	m, ok := p.ModuleAt(dir)
	if !ok {
		return ""
	}
	below := strings.TrimPrefix(p.rooted(dir), p.rooted(m.Dir))
	if p.rooted(m.Dir) == "." {
		below = p.rooted(dir)
	}
	return path.Join(m.Path, below)
}

// Relative returns a path as the go command wants it in arguments and in go.work.
func Relative(dir string) string {
	if dir == "." || strings.HasPrefix(dir, "..") {
		return dir
	}
	return "./" + dir
}

// Back returns the path that leads from the directory of a module to that of the project.
func (p Project) Back(m Module) string {
	back, err := filepath.Rel(filepath.FromSlash("/"+p.rooted(m.Dir)), filepath.FromSlash("/"+p.here))
	if err != nil {
		return "."
	}
	return filepath.ToSlash(back)
}

// RootOf returns the directory that the path of a proto in imports is relative to.
func (p Project) RootOf(proto string) string {
	root := "."
	for _, dir := range slices.Concat(p.Workspace.Modules, p.roots) {
		if strings.HasPrefix(proto, dir+"/") && (root == "." || len(dir) > len(root)) {
			root = dir
		}
	}
	return root
}

// Generates reports whether a template generates code for a proto, and returns the directory that
// the path of the proto is relative to.
func (p Project) Generates(t Template, proto Proto) (root string, ok bool) {
	root = p.RootOf(proto.Path)
	if len(t.Inputs) == 0 {
		return root, p.Workspace.Path != "" && root != "." || len(p.Workspace.Modules) < 2 && !strings.HasPrefix(proto.Path, "third_party/")
	}
	for _, input := range t.Inputs {
		if input.Kind != "directory" || !input.has(proto.Path) {
			continue
		}
		dir := path.Clean(input.Value)
		if dir == "." {
			return root, root != "." || p.Workspace.Path == "" || slices.Contains(p.Workspace.Modules, ".")
		}
		if root == "." && !slices.Contains(p.Workspace.Modules, ".") {
			root = dir // no buf.yaml names one, so the input is
		}
		return root, true
	}
	return root, false
}

// has reports whether an input has a file.
func (i Input) has(file string) bool {
	dir := path.Clean(i.Value)
	// A path is relative to the directory in which buf runs, or to the input.
	among := func(paths []string) bool {
		return slices.ContainsFunc(paths, func(p string) bool { return within(file, p) || within(file, path.Join(dir, p)) })
	}
	return within(file, dir) && (len(i.Paths) == 0 || among(i.Paths)) && !among(i.Excluded)
}

// within reports whether a file is a path or below it.
func within(file, dir string) bool {
	dir = path.Clean(dir)
	return dir == "." || file == dir || strings.HasPrefix(file, dir+"/")
}
