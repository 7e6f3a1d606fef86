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

// Type is a named type and its type arguments, if it is generic.
type Type struct {
	Ident
	Arguments []Ident
}

// Equal reports whether both are the same type.
func (t Type) Equal(other Type) bool {
	return t.Ident == other.Ident && slices.Equal(t.Arguments, other.Arguments)
}

// Frame is what a piece of code needs to know of the file that it goes into.
type Frame struct {
	Receiver string                   // the name of a method's receiver, which no other identifier of the file has
	Type     string                   // the receiver's type: *BookService, or Books[K]
	New      bool                     // whether this run writes the type
	Ident    func(Ident) string       // spells an identifier of any package: libraryv1.Book
	Own      func(name string) string // spells what the package itself declares
}

// ImportName returns the first free name for the package of id: its own, its own after the name of
// the directory above it (av1, bv1), its own with one of the suffixes, or a numbered one. A name
// that means something to Go is not free, whatever isFree says.
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

// ImportAlias returns the name that an import of the package of id has to spell to be called name,
// or "" where the path and the package both have that name.
func ImportAlias(id Ident, name string) string {
	if name == id.Package && name == path.Base(id.Path) {
		return ""
	}
	return name
}

// isPlain reports whether s is of lower-case letters and digits and starts with a letter.
func isPlain(s string) bool {
	for i, r := range s {
		if !('a' <= r && r <= 'z' || i > 0 && '0' <= r && r <= '9') {
			return false
		}
	}
	return s != ""
}
