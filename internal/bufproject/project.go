package bufproject

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"path/filepath"
	"strings"
)

// The limits of what is read: larger files are ignored, the walk ends after so many files, and what
// a plugin writes about a file is in its first bytes.
const (
	longestFile = 4 << 20
	MostFiles   = 50_000
	startOfCode = 64 << 10
)

// Project is what a repository has.
type Project struct {
	Templates []Template   // buf.gen*.yaml in the directory itself
	Workspace Workspace    // buf.yaml or buf.work.yaml
	Modules   []Module     // every go.mod, and those above that an out or the directory itself is in
	GoWork    string       // the go.work in the directory; or ""
	Used      []string     // the directories that it uses
	Protos    []Proto      // every proto
	Generated []Generated  // every file that one of the plugins generated
	Protoc    []ProtocCall // every line of a Makefile, script or go:generate that runs protoc
	Plain     []string     // every other file
	Problems  []Problem    // of files that cannot be read
	Truncated bool         // whether there are more than [MostFiles], of which the rest is not read

	here  string   // the path of the directory from the root of the disk, without a first slash
	roots []string // the directories of protos that a buf.yaml below names
}

// Problem is why a file cannot be read.
type Problem struct {
	Path    string
	Line    int // 0 if unknown
	Text    string
	Setting bool // whether what the other files mean depends on it
}

// Read reads the project in a directory. Open returns the files below a directory: the same, or one
// above or beside it that may have a go.mod.
func Read(open func(dir string) fs.FS, dir string) (Project, error) {
	if dir == "" {
		return Project{}, errors.New("the name of the directory is empty")
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return Project{}, err
	}
	p := Project{here: path.Clean(strings.TrimPrefix(filepath.ToSlash(strings.TrimPrefix(abs, filepath.VolumeName(abs))), "/"))}
	if err := p.readTree(open(dir)); err != nil {
		return Project{}, fmt.Errorf("%s: %s", dir, reasonOf(err))
	}
	p.readAbove(open, dir)
	return p, nil
}

// readTree reads the files of a tree.
func (p *Project) readTree(tree fs.FS) error {
	files := 0
	return fs.WalkDir(tree, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil && name == ".":
			return err
		case err != nil:
			p.Problems = append(p.Problems, Problem{Path: name, Text: reasonOf(err)})
			return nil
		case entry.IsDir() && ignoredDirectory(name):
			return fs.SkipDir
		case entry.Type()&fs.ModeSymlink != 0 && !isSetting(name), !entry.Type().IsRegular() && entry.Type()&fs.ModeSymlink == 0:
			return nil
		}
		if files++; files > MostFiles {
			p.Truncated = true
			return fs.SkipAll
		}
		p.add(tree, name)
		return nil
	})
}

// ignoredDirectory reports whether a directory has nothing that people write or plugins generate.
func ignoredDirectory(name string) bool {
	base := path.Base(name)
	return name != "." && strings.HasPrefix(base, ".") || base == "node_modules" || base == "vendor" || base == "testdata"
}

// isSetting reports whether what the other files mean depends on a file. Such a file may be a
// symbolic link.
func isSetting(name string) bool {
	base, ext := path.Base(name), path.Ext(name)
	return base == "go.mod" || base == "buf.yaml" || base == "buf.work.yaml" ||
		!strings.Contains(name, "/") && (base == "go.work" || strings.HasPrefix(base, "buf.gen.") && (ext == ".yaml" || ext == ".yml"))
}

// add adds a file to what the project has.
func (p *Project) add(tree fs.FS, name string) {
	kind := kindOf(name)
	if kind == nil {
		p.Plain = append(p.Plain, name)
		return
	}
	limit := longestFile
	if ext := path.Ext(name); ext == ".go" || ext == ".md" {
		limit = startOfCode
	}
	text, whole, err := readStart(tree, name, limit)
	switch {
	case err != nil:
		p.Problems = append(p.Problems, Problem{Path: name, Text: reasonOf(err), Setting: isSetting(name)})
	case !whole && path.Ext(name) == ".proto", !whole && isSetting(name):
		text := fmt.Sprintf("it has more than %d bytes", longestFile)
		p.Problems = append(p.Problems, Problem{Path: name, Text: text, Setting: isSetting(name)})
	default:
		kind(p, name, strings.ReplaceAll(strings.TrimPrefix(text, "\ufeff"), "\r\n", "\n"))
	}
}

// readStart returns the first bytes of a file, and whether that is all of it.
func readStart(tree fs.FS, name string, limit int) (text string, whole bool, err error) {
	file, err := tree.Open(name)
	if err != nil {
		return "", false, err
	}
	defer file.Close()
	start, err := io.ReadAll(io.LimitReader(file, int64(limit)+1))
	if len(start) > limit {
		return string(start[:limit]), false, err
	}
	return string(start), true, err
}

// kindOf returns what reads a file, or nil if nothing does.
func kindOf(name string) func(p *Project, name, text string) {
	base, ext := path.Base(name), path.Ext(name)
	here := !strings.Contains(name, "/")
	yaml := ext == ".yaml" || ext == ".yml"
	switch {
	case here && yaml && strings.HasPrefix(base, "buf.gen."):
		return (*Project).addTemplate
	case base == "buf.yaml" || base == "buf.work.yaml":
		return (*Project).addWorkspace
	case here && base == "go.work":
		return (*Project).addGoWork
	case base == "go.mod":
		return (*Project).addModule
	case ext == ".proto":
		return (*Project).addProto
	case ext == ".go":
		return (*Project).addGo
	case ext == ".md":
		return (*Project).addGenerated
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
