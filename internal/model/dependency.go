package model

import (
	"fmt"
	"slices"

	"github.com/grpcservice/grpcservice/internal/golang"
	"github.com/grpcservice/grpcservice/internal/pattern"
)

// Dependency is a value that the implementation of a service is made with.
type Dependency struct {
	pattern.Dependency
	Types []golang.Ident // its type arguments
}

// GoType returns the type that the dependency is a pointer to.
func (d Dependency) GoType() golang.Type {
	return golang.Type{Ident: d.In(d.Type), Arguments: d.Types}
}

// In returns the identifier of what the package of the dependency declares by a name.
func (d Dependency) In(name string) golang.Ident {
	return golang.Ident{Name: name, Package: d.Package.Name, Path: d.Package.Path}
}

// Dependencies are different values, each with its own name.
type Dependencies []Dependency

// Of returns the dependency of a type, with the name that it has among these.
func (all Dependencies) Of(typ golang.Type) (Dependency, bool) {
	i := slices.IndexFunc(all, func(d Dependency) bool { return d.GoType().Equal(typ) })
	if i < 0 {
		return Dependency{}, false
	}
	return all[i], true
}

// with returns the list with another dependency, unless it has one of that type. Where its name is
// taken, as by another log of events, it gets a numbered one.
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
