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

// Dependencies returns what the helpers of the service's RPCs take.
func (i Implementation) Dependencies() (all Dependencies) {
	for _, m := range i.Methods {
		if m.Helper != nil && m.Helper.Dependency != nil {
			all = all.with(*m.Helper.Dependency)
		}
	}
	return all
}

// nameDependencies gives each dependency a name of its own in the implementation.
func (i *Implementation) nameDependencies() {
	all := i.Dependencies()
	i.Methods = slices.Clone(i.Methods)
	for n := range i.Methods {
		m := &i.Methods[n]
		if m.Helper == nil || m.Helper.Dependency == nil {
			continue
		}
		d, _ := all.Of(m.Helper.Dependency.GoType())
		helper := *m.Helper
		helper.Dependency = &d
		m.Helper = &helper
	}
}

// Offered returns what a program can make constructors with, each with its name in the program:
// what the services need, and what is not generic, which users' constructors may take as well.
func Offered(services []Implementation, patterns []pattern.Pattern) (all Dependencies) {
	for _, i := range services {
		for _, d := range i.Dependencies() {
			all = all.with(d)
		}
	}
	for _, p := range patterns {
		if d := p.Needs.Dependency; d != nil {
			all = all.with(Dependency{Dependency: *d})
		}
	}
	return all
}
