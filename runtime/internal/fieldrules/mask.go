package fieldrules

import (
	"slices"
	"sort"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// maskPart is what a field mask (AIP-161) names of one message: paths, sorted, which all begin with
// the same bytes. The paths are those of the mask itself, so that a mask takes no more memory than
// it has in the request. The zero value names everything.
type maskPart struct {
	paths []string
	at    int // where in each path the names in this message begin
}

// coverage is how much of a field a mask names.
type coverage int

const (
	coversNothing coverage = iota
	coversPart
	coversAll
)

// readMask returns what a mask names, and reports whether it names anything. With the path "*" that
// is everything.
func readMask(mask protoreflect.Message) (part maskPart, given bool) {
	field := mask.Descriptor().Fields().ByName("paths")
	if field == nil || !mask.Has(field) {
		return maskPart{}, false
	}
	list := mask.Get(field).List()
	paths := make([]string, list.Len())
	for i := range paths {
		paths[i] = list.Get(i).String()
	}
	slices.Sort(paths)
	part = maskPart{paths: paths}
	if part.has("*") {
		return maskPart{}, true
	}
	return part, true
}

// all reports whether the whole message is named.
func (p maskPart) all() bool { return p.paths == nil }

// has reports whether a path ends with name here.
func (p maskPart) has(name string) bool {
	i := p.search(name, false)
	return i < len(p.paths) && p.paths[i][p.at:] == name
}

// search returns the first path that is not before name, or before name and a dot.
func (p maskPart) search(name string, dot bool) int {
	return sort.Search(len(p.paths), func(i int) bool {
		rest := p.paths[i][p.at:]
		if !dot {
			return rest >= name
		}
		head := rest[:min(len(rest), len(name))]
		return head > name || head == name && len(rest) > len(name) && rest[len(name)] >= '.'
	})
}

// of returns what is named of a field, or of an element called name.
func (p maskPart) of(name string) (maskPart, coverage) {
	if p.all() || p.has(name) {
		return maskPart{}, coversAll
	}
	deeper := maskPart{paths: p.paths[p.search(name, true):], at: p.at + len(name) + 1}
	n := sort.Search(len(deeper.paths), func(i int) bool {
		rest := deeper.paths[i][p.at:]
		return !strings.HasPrefix(rest, name) || len(rest) == len(name) || rest[len(name)] != '.'
	})
	deeper.paths = deeper.paths[:n]
	switch {
	case n == 0:
		return maskPart{}, coversNothing
	case deeper.has("*"):
		return maskPart{}, coversAll
	}
	return deeper, coversPart
}

// ofElements returns what is named of each element of a list. "authors.*.name" is the way to say
// it; "authors.name" is read as the same.
func (p maskPart) ofElements() (maskPart, coverage) {
	if p.all() {
		return p, coversAll
	}
	if part, covers := p.of("*"); covers != coversNothing {
		return part, covers
	}
	return p, coversPart
}

// ofKey returns what is named of a map's value. What both a key and a wildcard name counts as named
// in full.
func (p maskPart) ofKey(key string) (found maskPart, covers coverage) {
	if p.all() {
		return p, coversAll
	}
	names := []string{"*", "`" + key + "`", key}
	if strings.ContainsAny(key, ".`*") { // it cannot be named without quotes
		names = names[:2]
	}
	for _, name := range names {
		part, more := p.of(name)
		switch {
		case more == coversNothing:
		case more == coversAll || covers != coversNothing:
			return maskPart{}, coversAll
		default:
			found, covers = part, more
		}
	}
	return found, covers
}
