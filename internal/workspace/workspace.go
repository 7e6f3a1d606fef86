// Package workspace reads the files of the module that a user generates code into: its directories,
// its go.mod and go.work, and what Docker must copy to build it. It does not parse Go code.
package workspace

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// Disk returns the file system of this process and the directory that the process runs in: the
// fields of a [Workspace].
func Disk() (tree fs.FS, dir string) {
	dir, err := os.Getwd()
	if err != nil {
		return nil, ""
	}
	volume, rest := splitVolume(dir, onWindows)
	if dir = strings.Trim(rest, "/"); dir == "" {
		dir = "."
	}
	files, ok := os.DirFS(filepath.FromSlash(volume + "/")).(diskFS)
	if !ok {
		return nil, ""
	}
	return disk{files, volume}, dir
}

// Workspace is the part of the user's module that the plugin sees: the directory that buf or protoc
// runs in, and those above it. Paths are those in parameters: slash-separated, relative to that
// directory, and inside it.
type Workspace struct {
	Tree fs.FS  // from the root of the file system; nil if unknown
	Dir  string // the directory that the process runs in, relative to the root of Tree
}

// Directory is a directory of the user's module that the plugin writes files to. It may not exist
// yet.
type Directory struct {
	Path       string // relative to the directory that the process runs in
	Module     string // the path of the module
	ImportPath string
	Root       string // the directory of the module's go.mod, relative to the root of the tree
}

// noModule is the error text for a missing go.mod. Without one the plugin runs where it cannot see
// the user's files, and must not overwrite them.
const noModule = "there is no go.mod in or above the directory in which buf or protoc runs, so the files of your module cannot " +
	"be found, and none is written; run buf or protoc in your module, with the plugin as a local one"

// Directory returns the directory at a path. The directory must belong to a module, and must not
// leave it through symbolic links.
func (w Workspace) Directory(at string) (Directory, error) {
	if w.Tree == nil {
		return Directory{}, errors.New(noModule)
	}
	full := path.Join(w.Dir, at)
	for root := full; ; root = path.Dir(root) {
		text, err := fs.ReadFile(w.Tree, path.Join(root, "go.mod"))
		if err == nil {
			return w.directoryOf(at, full, root, text)
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return Directory{}, fmt.Errorf("%s: go.mod cannot be read: %w", at, err)
		}
		if root == "." {
			return Directory{}, errors.New(noModule)
		}
	}
}

func (w Workspace) directoryOf(at, full, root string, mod []byte) (Directory, error) {
	module := modulePath(string(mod))
	if module == "" {
		return Directory{}, fmt.Errorf("%s: the go.mod of its module has no module path; add it", at)
	}
	f := Directory{Path: at, Module: module, Root: root}
	f.ImportPath = path.Join(module, strings.TrimPrefix(strings.TrimPrefix(full, root), "/"))
	if root == "." {
		f.ImportPath = path.Join(module, full)
	}
	return f, w.checkInside(f, at)
}

// checkInside returns an error if a path of a directory leads out of the module through symbolic
// links.
func (w Workspace) checkInside(f Directory, at string) error {
	root, err := w.resolve(f.Root)
	if err != nil {
		return fmt.Errorf("%s: %w", at, err)
	}
	target, err := w.resolve(path.Join(w.Dir, at))
	if err != nil {
		return fmt.Errorf("%s: %w", at, err)
	}
	if root != "." && target != root && !strings.HasPrefix(target, root+"/") {
		return fmt.Errorf("%s: it leaves the module %s through a symbolic link; choose a directory in the module", at, f.Module)
	}
	return nil
}

// resolve resolves the symbolic links in a path. An element that does not exist is not a link.
func (w Workspace) resolve(at string) (string, error) {
	const most = 100
	done, rest := ".", strings.Split(path.Clean(at), "/")
	for links := 0; len(rest) > 0; {
		next := path.Join(done, rest[0])
		rest = rest[1:]
		if next == ".." || strings.HasPrefix(next, "../") {
			return "", errors.New("a symbolic link leads above the root of the file system")
		}
		info, err := fs.Lstat(w.Tree, next)
		if err != nil || info.Mode()&fs.ModeSymlink == 0 {
			done = next
			continue
		}
		target, err := fs.ReadLink(w.Tree, next)
		if err != nil {
			return "", err
		}
		if links++; links > most {
			return "", errors.New("its symbolic links form a cycle")
		}
		to, err := linkTarget(target, volumeOf(w.Tree), onWindows)
		if err != nil {
			return "", err
		}
		if path.IsAbs(to) {
			done = "."
		}
		rest = append(strings.Split(strings.Trim(path.Clean(to), "/"), "/"), rest...)
	}
	return done, nil
}

// Files returns the files of a directory whose names end in suffix, keyed by name. A directory that
// does not exist has no files.
func (w Workspace) Files(at, suffix string) (map[string][]byte, error) {
	return readFiles(w.Tree, path.Join(w.Dir, at), suffix)
}

// PackageFiles returns the Go files of a package in the module of a directory, keyed by name. It
// returns false for packages of other modules, and if the files cannot be read.
func (w Workspace) PackageFiles(f Directory, importPath string) (files map[string][]byte, ok bool) {
	below, ok := strings.CutPrefix(importPath+"/", f.Module+"/")
	if !ok {
		return nil, false
	}
	files, err := readFiles(w.Tree, path.Join(f.Root, below), ".go")
	return files, err == nil
}

func readFiles(tree fs.FS, dir, suffix string) (map[string][]byte, error) {
	files := make(map[string][]byte)
	entries, err := fs.ReadDir(tree, dir)
	if errors.Is(err, fs.ErrNotExist) {
		return files, nil
	}
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		at := path.Join(dir, entry.Name())
		if !strings.HasSuffix(entry.Name(), suffix) || strings.HasPrefix(entry.Name(), ".") {
			continue // some editors mark an open file with a hidden, dangling link
		}
		info, err := fs.Stat(tree, at)
		if err == nil && info.IsDir() {
			continue
		}
		if files[entry.Name()], err = readRegular(tree, at, info, err); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// Read returns the current content of a file that this run would replace. It returns false if the
// file does not exist.
func (w Workspace) Read(at string) (content []byte, ok bool, err error) {
	full := path.Join(w.Dir, at)
	info, err := fs.Stat(w.Tree, full)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	if err == nil && !info.Mode().IsRegular() {
		return nil, false, notAFile(at)
	}
	if content, err = readRegular(w.Tree, full, info, err); err != nil {
		return nil, false, fmt.Errorf("%s: it cannot be read: %w", at, err)
	}
	return content, true, nil
}

// notAFile returns the error for a path that the plugin writes a file to but that is not a regular
// file.
func notAFile(at string) error {
	return fmt.Errorf("%s: it is not a regular file, and the plugin writes a file of this name; rename it", at)
}

// CheckWrite returns an error if a file of a directory cannot be written: it is read-only, not a
// regular file, or outside the module.
func (w Workspace) CheckWrite(f Directory, name string) error {
	at := path.Join(f.Path, name)
	if err := w.checkInside(f, at); err != nil {
		return err
	}
	info, err := fs.Stat(w.Tree, path.Join(w.Dir, at))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%s: %w", at, err)
	}
	if !info.Mode().IsRegular() {
		return notAFile(at)
	}
	if info.Mode().Perm()&0o200 == 0 {
		return fmt.Errorf("%s: the file must change, but is read-only; make it writable", at)
	}
	return nil
}
