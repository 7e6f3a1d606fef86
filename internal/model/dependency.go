package model

import (
	"fmt"
	"slices"

	"github.com/grpcservice/grpcservice/internal/golang"
	"github.com/grpcservice/grpcservice/internal/pattern"
)

// Dependency is a value that the constructor of a service implementation takes.
type Dependency struct {
	pattern.Dependency
	Types []golang.Ident // its type arguments
}

// GoType returns the type that the dependency points to.
func (d Dependency) GoType() golang.Type {
	return golang.Type{Ident: d.In(d.Type), Arguments: d.Types}
}

// In returns the identifier for a name in the package of the dependency.
func (d Dependency) In(name string) golang.Ident {
	return golang.Ident{Name: name, Package: d.Package.Name, Path: d.Package.Path}
}

// Dependencies is a list of values of different types, each with a unique name.
type Dependencies []Dependency

// Of returns the dependency of a type, with its name in the list.
func (all Dependencies) Of(typ golang.Type) (Dependency, bool) {
	i := slices.IndexFunc(all, func(d Dependency) bool { return d.GoType().Equal(typ) })
	if i < 0 {
		return Dependency{}, false
	}
	return all[i], true
}

// with returns the list with d appended, unless the list has a dependency of that type. If the name
// of d is taken, for example by another event log, d gets a numbered name.
func (all Dependencies) with(d Dependency) Dependencies {
	if _, found := all.Of(d.GoType()); found {
		return all
	}
	name := d.Name
	isTaken := func(other Dependency) bool { return other.Name == d.Name }
	for n := 2; slices.ContainsFunc(all, isTaken); n++ {
		d.Name = fmt.Sprintf("%s%d", name, n)
	}
	return append(all, d)
}
