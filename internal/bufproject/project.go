package bufproject

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// The limits of what is read: larger files are ignored, and the walk ends after so many files.
const (
	longestFile = 4 << 20
	mostFiles   = 50_000
)

// Project is what a repository has.
type Project struct {
	Templates []Template   // buf.gen*.yaml in the directory itself
	Workspace Workspace    // buf.yaml or buf.work.yaml
	Modules   []Module     // every go.mod
	GoWork    string       // the go.work in the directory; or ""
	Used      []string     // the directories that it uses
	Protos    []Proto      // every proto
	Generated []Generated  // every file that one of the plugins generated
	Protoc    []ProtocCall // every line of a Makefile or script that runs protoc
	Plain     []string     // every other file
	Problems  []Problem    // of files that cannot be read
	Truncated bool         // whether there are more files than are read
}

// Problem is why a file cannot be read.
type Problem struct {
	Path string
	Line int // 0 if unknown
	Text string
}

// Read reads the project in the root of a tree.
func Read(tree fs.FS) (Project, error) {
	p := Project{}
	files := 0
	err := fs.WalkDir(tree, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil && name == ".":
			return err
		case err != nil:
			p.Problems = append(p.Problems, Problem{Path: name, Text: reasonOf(err)})
			return nil
		case entry.IsDir() && ignoredDirectory(name):
			return fs.SkipDir
		case !entry.Type().IsRegular():
			return nil
		}
		if files++; files > mostFiles {
			p.Truncated = true
			return fs.SkipAll
		}
		return p.add(tree, name, entry)
	})
	return p, err
}

// ignoredDirectory reports whether a directory has nothing that people write or plugins generate.
func ignoredDirectory(name string) bool {
	base := path.Base(name)
	return name != "." && strings.HasPrefix(base, ".") || base == "node_modules" || base == "vendor" || base == "testdata"
}

// add adds a file to what the project has.
func (p *Project) add(tree fs.FS, name string, entry fs.DirEntry) error {
	kind := kindOf(name)
	if kind == nil {
		p.Plain = append(p.Plain, name)
		return nil
	}
	info, err := entry.Info()
	if err == nil && info.Size() > longestFile {
		err = fmt.Errorf("it has more than %d bytes", longestFile)
	}
	var text []byte
	if err == nil {
		text, err = fs.ReadFile(tree, name)
	}
	if err != nil {
		p.Problems = append(p.Problems, Problem{Path: name, Text: reasonOf(err)})
		return nil
	}
	kind(p, name, strings.ReplaceAll(string(text), "\r\n", "\n"))
	return nil
}

// kindOf returns what reads a file, or nil if nothing does.
func kindOf(name string) func(p *Project, name, text string) {
	base, ext := path.Base(name), path.Ext(name)
	here := !strings.Contains(name, "/")
	yaml := ext == ".yaml" || ext == ".yml"
	switch {
	case here && yaml && strings.HasPrefix(base, "buf.gen."):
		return (*Project).addTemplate
	case here && (base == "buf.yaml" || base == "buf.work.yaml"):
		return (*Project).addWorkspace
	case here && base == "go.work":
		return (*Project).addGoWork
	case base == "go.mod":
		return (*Project).addModule
	case ext == ".proto":
		return (*Project).addProto
	case ext == ".go":
		return (*Project).addGo
	case base == "Makefile" || base == "makefile" || base == "GNUmakefile" || base == "Justfile" || base == "justfile" ||
		ext == ".mk" || ext == ".sh" || strings.HasPrefix(base, "Taskfile.") && yaml:
		return (*Project).addScript
	default:
		return nil
	}
}

func reasonOf(err error) string {
	if at := (*fs.PathError)(nil); errors.As(err, &at) {
		return at.Err.Error()
	}
	return err.Error()
}

// ModuleAt returns the module that a directory belongs to.
func (p Project) ModuleAt(dir string) (Module, bool) {
	for dir = path.Clean(dir); ; dir = path.Dir(dir) {
		i := slices.IndexFunc(p.Modules, func(m Module) bool { return m.Dir == dir })
		if i >= 0 {
			return p.Modules[i], true
		}
		if dir == "." || dir == "/" || strings.HasPrefix(dir, "..") {
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
	below := strings.TrimPrefix(path.Clean(dir), m.Dir)
	if m.Dir == "." {
		below = path.Clean(dir)
	}
	return path.Join(m.Path, below)
}
