package plugin

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// Disk returns the file system of this process, and the folder that the process runs in: what [Env] has as Tree and Dir.
func Disk() (tree fs.FS, dir string) {
	dir, err := os.Getwd()
	if err != nil {
		return nil, ""
	}
	volume := filepath.VolumeName(dir)
	dir = strings.Trim(filepath.ToSlash(dir[len(volume):]), "/")
	if dir == "" {
		dir = "."
	}
	return os.DirFS(volume + string(filepath.Separator)), dir
}

// workspace is what the plugin sees of the user's module: the folder that buf or protoc runs in, and those above it. Paths are those
// of parameters, with slashes, from that folder, and do not leave it.
type workspace struct {
	tree fs.FS
	dir  string // the folder that the process runs in, below the root of tree
}

// folder is a folder of the user's module that files are to be written to. It may not be there yet.
type folder struct {
	path       string // from the folder that the process runs in
	module     string // the path of the module
	importPath string
	root       string // the folder of the module's go.mod, below the root of the tree
}

// noModule says that there is no go.mod: the plugin runs where it cannot see the user's files, and must not overwrite them.
const noModule = "there is no go.mod in the folder in which buf or protoc runs, nor above it, so the files of your module cannot " +
	"be seen, and none is written; run buf or protoc, with the plugin as a local one, in your module"

// folder returns the folder at a path, which must be of a module, and stay in it also where it is a symbolic link.
func (w workspace) folder(at string) (folder, error) {
	if w.tree == nil {
		return folder{}, errors.New(noModule)
	}
	full := path.Join(w.dir, at)
	for root := full; ; root = path.Dir(root) {
		text, err := fs.ReadFile(w.tree, path.Join(root, "go.mod"))
		if err == nil {
			return w.folderOf(at, full, root, text)
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return folder{}, fmt.Errorf("%s: go.mod cannot be read: %w", at, err)
		}
		if root == "." {
			return folder{}, errors.New(noModule)
		}
	}
}

func (w workspace) folderOf(at, full, root string, mod []byte) (folder, error) {
	module := modulePath(string(mod))
	if module == "" {
		return folder{}, fmt.Errorf("%s: the go.mod of its module does not say which module that is; correct it", at)
	}
	f := folder{path: at, module: module, importPath: path.Join(module, strings.TrimPrefix(strings.TrimPrefix(full, root), "/")), root: root}
	if root == "." {
		f.importPath = path.Join(module, full)
	}
	return f, w.checkInside(f, at)
}

// checkInside says where a path of a folder leads out of the module, through symbolic links.
func (w workspace) checkInside(f folder, at string) error {
	root, err := w.resolve(f.root)
	if err != nil {
		return fmt.Errorf("%s: %w", at, err)
	}
	target, err := w.resolve(path.Join(w.dir, at))
	if err != nil {
		return fmt.Errorf("%s: %w", at, err)
	}
	if root != "." && target != root && !strings.HasPrefix(target, root+"/") {
		return fmt.Errorf("%s: it leads out of the module %s, through a symbolic link; nothing is written there", at, f.module)
	}
	return nil
}

// resolve returns a path without symbolic links. What is not there is no link.
func (w workspace) resolve(at string) (string, error) {
	const most = 100
	done, rest := ".", strings.Split(path.Clean(at), "/")
	for links := 0; len(rest) > 0; {
		next := path.Join(done, rest[0])
		rest = rest[1:]
		if next == ".." || strings.HasPrefix(next, "../") {
			return "", errors.New("a symbolic link leads above the root of the file system")
		}
		info, err := fs.Lstat(w.tree, next)
		if err != nil || info.Mode()&fs.ModeSymlink == 0 {
			done = next
			continue
		}
		target, err := fs.ReadLink(w.tree, next)
		if err != nil {
			return "", err
		}
		if links++; links > most {
			return "", errors.New("its symbolic links go round in a circle")
		}
		if target = filepath.ToSlash(target[len(filepath.VolumeName(target)):]); path.IsAbs(target) {
			done = "."
		}
		rest = append(strings.Split(strings.Trim(path.Clean(target), "/"), "/"), rest...)
	}
	return done, nil
}

// files returns the files of a folder whose names end in suffix, by their names. A folder that is not there has none.
func (w workspace) files(at, suffix string) (map[string][]byte, error) {
	return readFiles(w.tree, path.Join(w.dir, at), suffix)
}

// packageFiles returns the Go files of a package of a folder's module, by their names; ok is false for other packages.
func (w workspace) packageFiles(f folder, importPath string) (files map[string][]byte, ok bool) {
	below, ok := strings.CutPrefix(importPath+"/", f.module+"/")
	if !ok {
		return nil, false
	}
	files, err := readFiles(w.tree, path.Join(f.root, below), ".go")
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
			continue // some editors mark what they have open with a hidden link that leads nowhere
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

// readRegular reads a file that a person may have written: no device, and nothing that is too big to be one.
func readRegular(tree fs.FS, at string, info fs.FileInfo, err error) ([]byte, error) {
	const longest = 8 << 20
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular() || info.Size() > longest:
		return nil, fmt.Errorf("%s is not a file of at most %d bytes", at, longest)
	default:
		return fs.ReadFile(tree, at)
	}
}

// checkWrite says why a file of a folder cannot be written: it may not be changed, or is out of the module.
func (w workspace) checkWrite(f folder, name string) error {
	at := path.Join(f.path, name)
	if err := w.checkInside(f, at); err != nil {
		return err
	}
	info, err := fs.Stat(w.tree, path.Join(w.dir, at))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%s: %w", at, err)
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s: it is not a file; rename it, as a file of this name is to be written", at)
	}
	if info.Mode().Perm()&0o200 == 0 {
		return fmt.Errorf("%s: the file has to change, and may not be written to; make it writable", at)
	}
	return nil
}
