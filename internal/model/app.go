package model

import (
	"slices"

	"github.com/grpcservice/grpcservice/internal/golang"
	"github.com/grpcservice/grpcservice/internal/pattern/shape"
)

// App is a program that serves services of a package of the user.
type App struct {
	Command  string       // the name of its directory
	Package  golang.Ident // the package that implements the services; its Name is nothing
	Services []AppService
}

// AppService is a service of an [App].
type AppService struct {
	Implementation
	New       golang.Ident // the function that makes its implementation
	CanMake   bool         // whether the program has all arguments of New
	Arguments Dependencies // of New, by their names in the program
}

// Names returns the full names of the services, as a sentence lists them.
func (a App) Names() string {
	var names []string
	for _, svc := range a.Services {
		names = append(names, svc.FullName)
	}
	return shape.Join(names)
}

// Doc returns the lines that say what the program does.
func (a App) Doc() []string {
	return wrap("Command " + a.Command + " serves " + a.Names() + " until it gets SIGTERM or SIGINT.")
}

// any reports whether something holds of an RPC.
func (a App) any(is func(Method) bool) bool {
	for _, svc := range a.Services {
		for _, m := range svc.Methods {
			if is(m) {
				return true
			}
		}
	}
	return false
}

// HasTokens reports whether an RPC has tokens that the server seals: of pages, or positions.
func (a App) HasTokens() bool {
	return a.any(func(m Method) bool { return m.Helper != nil && m.Helper.Needs.TokenKeys })
}

// HasIdempotencyKeys reports whether repeated calls are recognized by an idempotency key.
func (a App) HasIdempotencyKeys() bool {
	return a.any(func(m Method) bool { return m.Policy.IdempotencyKey.Field != "" })
}

// Dependencies returns what the program makes: what constructors take, and what has to be
// registered with the server even if the user's constructors do not take it.
func (a App) Dependencies() (all Dependencies) {
	for _, svc := range a.Services {
		for _, d := range svc.Arguments {
			all = all.with(d)
		}
		for _, d := range svc.Dependencies() {
			if d.Register != "" {
				all = all.with(d)
			}
		}
	}
	return all
}

// RequiresAuthentication reports whether the server does not start without an authenticator.
func (a App) RequiresAuthentication() bool {
	requires := func(d Dependency) bool { return d.RequiresAuthentication }
	return slices.ContainsFunc(a.Dependencies(), requires) ||
		a.any(func(m Method) bool { return m.Policy.Auth != nil && !m.Policy.Auth.Public })
}

// Validates reports whether requests are checked by rules in the protos.
func (a App) Validates() bool {
	return a.any(func(m Method) bool { return m.Policy.Validate })
}
