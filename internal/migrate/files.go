package migrate

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// file is a Go file of the user. Its path is relative, with slashes.
type file struct{ path, text string }

// readFiles returns the Go files below dir that a person writes, ordered by path, and a note for
// each symbolic link that it does not follow. It leaves out other modules, and what the go command
// ignores.
func readFiles(dir string) (files []file, links []note, err error) {
	tree := os.DirFS(dir)
	err = fs.WalkDir(tree, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir():
			if name != "." && isOutside(tree, name) {
				return fs.SkipDir
			}
			return nil
		case entry.Type()&fs.ModeSymlink != 0:
			if what := linked(tree, name); what != "" {
				links = append(links, note{token.Position{Filename: name},
					"this symbolic link is not followed; run migrate in " + what + " that it leads to"})
			}
			return nil
		case path.Ext(name) != ".go" || !entry.Type().IsRegular():
			return nil
		}
		text, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		if !isGenerated(text) {
			files = append(files, file{name, string(text)})
		}
		return nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", filepath.Clean(dir), err)
	}
	return files, links, nil
}

// linked returns where to run the command for the Go files that a symbolic link leads to. It returns
// "" if the link concerns none of the module.
func linked(tree fs.FS, link string) string {
	info, err := fs.Stat(tree, link)
	switch {
	case err == nil && info.IsDir() && !isOutside(tree, link):
		return "the directory"
	case path.Ext(link) == ".go" && (err != nil || !info.IsDir()):
		return "the directory of the file"
	}
	return ""
}

// isOutside reports whether a directory does not belong to the module.
func isOutside(tree fs.FS, dir string) bool {
	base := path.Base(dir)
	if base == "vendor" || base == "testdata" || strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") {
		return true
	}
	_, err := fs.Stat(tree, path.Join(dir, "go.mod"))
	return err == nil
}

// isGenerated reports whether a program has written a Go file. One that does not parse is left to
// move, which reports it.
func isGenerated(text []byte) bool {
	parsed, err := parser.ParseFile(token.NewFileSet(), "", text, parser.ParseComments|parser.PackageClauseOnly)
	return err == nil && ast.IsGenerated(parsed)
}
