package migrate

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// replacement is a file that is to become another.
type replacement struct{ temporary, name string }

// replaceAll replaces files below a directory, each as a whole, and returns how many it has
// replaced. It replaces none before the new text of all is on the disk.
func replaceAll(dir string, files []file) (replaced int, err error) {
	var all []replacement
	defer func() {
		for _, r := range all[replaced:] {
			err = errors.Join(err, os.Remove(r.temporary))
		}
	}()
	for _, f := range files {
		r, err := prepare(filepath.Join(dir, filepath.FromSlash(f.path)), f.text)
		if err != nil {
			return 0, err
		}
		all = append(all, r)
	}
	for ; replaced < len(all); replaced++ {
		if err := os.Rename(all[replaced].temporary, all[replaced].name); err != nil {
			return replaced, err
		}
	}
	return replaced, nil
}

// prepare writes the new text of a file beside it, with its mode.
func prepare(name, text string) (r replacement, err error) {
	info, err := os.Stat(name)
	if err != nil {
		return r, err
	}
	if info.Mode().Perm()&0o200 == 0 {
		return r, fmt.Errorf("%s is read-only; make it writable", name)
	}
	temporary, err := os.CreateTemp(filepath.Dir(name), ".migrate-")
	if err != nil {
		return r, err
	}
	_, err = temporary.WriteString(text)
	err = errors.Join(err, temporary.Chmod(info.Mode().Perm()), temporary.Close())
	if err != nil {
		return r, errors.Join(err, os.Remove(temporary.Name()))
	}
	return replacement{temporary.Name(), name}, nil
}
