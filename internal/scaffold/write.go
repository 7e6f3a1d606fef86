package scaffold

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// checkFree returns an error that names what is in the way of files below dir: files of the same
// names, and files or links where a directory must be.
func checkFree(dir string, paths []string) error {
	if _, err := os.Lstat(dir); err == nil {
		if info, err := os.Stat(dir); err != nil || !info.IsDir() {
			return fmt.Errorf("%s is not a directory; name another", dir)
		}
	}
	var taken []string
	for _, path := range paths {
		obstacle, err := obstacleOf(dir, path)
		if err != nil {
			return err
		}
		if obstacle != "" && !slices.Contains(taken, obstacle) {
			taken = append(taken, obstacle)
		}
	}
	if len(taken) > 0 {
		return fmt.Errorf("init overwrites nothing, and %s has %s; move them away, or name another directory", dir, strings.Join(taken, ", "))
	}
	return nil
}

// obstacleOf returns what is in the way of a file below dir, or "".
func obstacleOf(dir, path string) (string, error) {
	elements := strings.Split(path, "/")
	for i := range elements {
		name := strings.Join(elements[:i+1], "/")
		info, err := os.Lstat(filepath.Join(dir, filepath.FromSlash(name)))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return "", nil
		case err != nil:
			return "", err
		case i == len(elements)-1 || !info.IsDir():
			return name, nil
		}
	}
	return "", nil
}

// writeAll writes files below dir, none of which exists. If one cannot be written, it removes those
// that it has written and the directories that it has made.
func writeAll(dir string, paths []string, contents map[string][]byte) (err error) {
	var made []string
	defer func() {
		for i := len(made) - 1; err != nil && i >= 0; i-- {
			_ = os.Remove(made[i])
		}
	}()
	for _, path := range paths {
		file := filepath.Join(dir, filepath.FromSlash(path))
		created, err := mkdirAll(filepath.Dir(file))
		made = append(made, created...)
		if err != nil {
			return err
		}
		// O_EXCL, because somebody may have made the file since the check.
		f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if err != nil {
			return err
		}
		made = append(made, file)
		_, err = f.Write(contents[path])
		if err = errors.Join(err, f.Close()); err != nil {
			return err
		}
	}
	return nil
}

// mkdirAll makes a directory and those above it, and returns the ones that it has made.
func mkdirAll(dir string) (made []string, err error) {
	if info, err := os.Stat(dir); err == nil && info.IsDir() {
		return nil, nil
	}
	if parent := filepath.Dir(dir); parent != dir {
		if made, err = mkdirAll(parent); err != nil {
			return made, err
		}
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		return made, err
	}
	return append(made, dir), nil
}
