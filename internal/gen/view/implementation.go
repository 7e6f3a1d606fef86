package view

import "github.com/grpcservice/grpcservice/internal/golang"

// Implementation is the starter code that implements a service in a package of the user.
type Implementation struct {
	Service
	ProtoPackage string
	Messages     string // the import path of the messages
	Type         string // the name of the struct
	Constructor  string
	File         string // the name of the file
	Test         Output // the generated test package

	Dependencies   []Dependency // the parameters of the constructor
	ConstructorDoc []string     // the lines of the constructor's comment
}

// Dependency is a value that the constructors of implementations take, such as an operation
// manager.
type Dependency struct {
	Name     string         // the name of the field, the parameter and the variable
	Type     golang.Ident   // the type that it points to
	Types    []golang.Ident // the type arguments of Type
	New      golang.Ident   // the function that creates it
	Store    *golang.Ident  // the function that creates the argument of New, or nil
	Register *golang.Ident  // the function to call with the server and the dependency, or nil
	TODO     string         // what users must do about it, or ""
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

// InService returns an identifier that the generated service package declares.
func (i Implementation) InService(name string) golang.Ident {
	return golang.Ident{Name: name, Package: i.Interface.Package, Path: i.Interface.Path}
}

// InTest returns an identifier that the generated test package declares.
func (i Implementation) InTest(name string) golang.Ident {
	return golang.Ident{Name: name, Package: i.Test.Package, Path: i.Test.Path}
}

// MethodStub is the starter code of a method of an implementation.
type MethodStub struct {
	Method
	Of Implementation
}
