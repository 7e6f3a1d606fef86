package view

import "github.com/grpcservice/grpcservice/internal/golang"

// Implementation is what implements a service in a package of the user, as it is first written.
type Implementation struct {
	Service
	ProtoPackage string
	Messages     string // the import path of the messages
	Type         string // the name of the struct
	Constructor  string
	File         string // the name of the file
	Test         Output // the package that helps to test it

	Dependencies   []Dependency // what its constructor takes
	ConstructorDoc []string     // the lines of the constructor's comment
}

// Dependency is a value that implementations are made with, such as a manager of operations.
type Dependency struct {
	Name     string         // of the field, the parameter and the variable
	Type     golang.Ident   // what it is a pointer to
	Types    []golang.Ident // the type arguments of Type
	New      golang.Ident   // the function that makes it
	Store    *golang.Ident  // the function that makes the argument of New, or nil
	Register *golang.Ident  // the function that is called with the server and the dependency, or nil
	TODO     string         // what users have to do about it, or ""
}

// Operations returns the methods that start operations.
func (i Implementation) Operations() (stubs []MethodStub) {
	for _, m := range i.Methods {
		if m.Helper != nil && m.Helper.Work != "" {
			stubs = append(stubs, MethodStub{Method: m, Of: i})
		}
	}
	return stubs
}

// InService returns the identifier of what the generated service package declares.
func (i Implementation) InService(name string) golang.Ident {
	return golang.Ident{Name: name, Package: i.Interface.Package, Path: i.Interface.Path}
}

// InTest returns the identifier of what the generated test package declares.
func (i Implementation) InTest(name string) golang.Ident {
	return golang.Ident{Name: name, Package: i.Test.Package, Path: i.Test.Path}
}

// MethodStub is a method of an implementation, as it is first written.
type MethodStub struct {
	Method
	Of Implementation
}
