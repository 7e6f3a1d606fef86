package main

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
)

// module is a module that users import.
type module struct {
	root string // of the repository
	dir  string // in the repository, with slashes; "." for the root module
	path string
}

// tag returns the name of the tag that gives the module a version.
func (m module) tag(version string) string { return path.Join(m.dir, version) }

func (m module) file() string { return filepath.Join(m.root, filepath.FromSlash(m.dir), "go.mod") }

// goMod returns the module's go.mod with the version of the other modules.
func (m module) goMod(all []module, version string) ([]byte, error) {
	content, err := os.ReadFile(m.file())
	if err != nil {
		return nil, err
	}
	mod, err := modfile.Parse(m.file(), content, nil)
	if err != nil {
		return nil, err
	}
	for _, require := range mod.Require {
		if !strings.HasPrefix(require.Mod.Path, all[0].path+"/") && require.Mod.Path != all[0].path {
			continue
		}
		if !slices.ContainsFunc(all, func(m module) bool { return m.path == require.Mod.Path }) {
			return nil, fmt.Errorf("%s requires %s, which is not released", m.file(), require.Mod.Path)
		}
		if err := mod.AddRequire(require.Mod.Path, version); err != nil {
			return nil, err
		}
	}
	return mod.Format()
}

// isReleased reports whether users import the module in a directory: not those that only test.
func isReleased(dir string) bool {
	return dir == "." || strings.HasPrefix(dir, "runtime/") && !strings.HasSuffix(dir, "test")
}
