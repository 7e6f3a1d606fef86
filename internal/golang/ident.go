package golang

import (
	"fmt"
	"go/token"
	"path"
	"slices"
)

// Ident is a Go identifier and the package that declares it.
type Ident struct {
	Name    string
	Package string // the package's name
	Path    string // the package's import path
}

// Type is a named type and, if it is generic, its type arguments.
type Type struct {
	Ident
	Arguments []Ident
}

// Equal reports whether t and other are the same type.
func (t Type) Equal(other Type) bool {
	return t.Ident == other.Ident && slices.Equal(t.Arguments, other.Arguments)
}

// Frame describes the file that a piece of code is written into.
type Frame struct {
	Receiver string                   // the name of a method's receiver, unique in the file
	Type     string                   // the receiver's type, such as *BookService or Books[K]
	New      bool                     // whether this run writes the type
	Ident    func(Ident) string       // spells an identifier of any package: libraryv1.Book
	Own      func(name string) string // spells an identifier of the package itself
}

// ImportName returns the first free name for the package of id. The candidates are the package's
// own name, that name after the name of the parent directory (av1, bv1), that name with each of the
// suffixes, and finally numbered names. A name that Go predeclares or reserves is never free,
// whatever isFree reports.
func ImportName(id Ident, isFree func(name string) bool, suffixes ...string) string {
	candidates := []string{id.Package}
	if above := path.Base(path.Dir(id.Path)); isPlain(above) {
		candidates = append(candidates, above+id.Package)
	}
	for _, suffix := range suffixes {
		candidates = append(candidates, id.Package+suffix)
	}
	for n := 2; ; n++ {
		for _, name := range candidates {
			if token.IsIdentifier(name) && name != "_" && !predeclared[name] && isFree(name) {
				return name
			}
		}
		candidates = []string{fmt.Sprintf("%s%d", id.Package, n)}
	}
}

// ImportAlias returns the alias that an import of the package of id needs to be called name, or ""
// if both the package and the last element of its path have that name.
func ImportAlias(id Ident, name string) string {
	if name == id.Package && name == path.Base(id.Path) {
		return ""
	}
	return name
}

// isPlain reports whether s consists of lower-case letters and digits and starts with a letter.
func isPlain(s string) bool {
	for i, r := range s {
		if !('a' <= r && r <= 'z' || i > 0 && '0' <= r && r <= '9') {
			return false
		}
	}
	return s != ""
}
