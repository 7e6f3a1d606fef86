package model

import (
	"slices"

	"github.com/grpcservice/grpcservice/internal/golang"
	"github.com/grpcservice/grpcservice/internal/pattern/shape"
)

// App is a program that serves the services of one of the user's packages.
type App struct {
	Command  string       // the name of its directory
	Package  golang.Ident // the package that implements the services; its Name is ""
	Services []AppService

	ServesHTTP bool // whether it serves HTTP as well, with runtime/web
}

// AppService is a service of an [App].
type AppService struct {
	Implementation
	New       golang.Ident // the constructor of its implementation
	CanMake   bool         // whether the program has all arguments of New
	Arguments Dependencies // of New, with their names in the program
}

// Names returns the full names of the services, joined as in a sentence.
func (a App) Names() string {
	var names []string
	for _, svc := range a.Services {
		names = append(names, svc.FullName)
	}
	return shape.Join(names)
}

// Doc returns the lines of the command's doc comment.
func (a App) Doc() []string {
	return wrap("Command " + a.Command + " serves " + a.Names() + " until it gets SIGTERM or SIGINT.")
}

// any reports whether is holds for an RPC of the app.
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

// HasTokens reports whether an RPC uses tokens that the server seals, such as page tokens.
func (a App) HasTokens() bool {
	return a.any(func(m Method) bool { return m.Helper != nil && m.Helper.Needs.TokenKeys })
}

// HasIdempotencyKeys reports whether an RPC detects retried calls by an idempotency key.
func (a App) HasIdempotencyKeys() bool {
	return a.any(func(m Method) bool { return m.Policy.IdempotencyKey.Field != "" })
}

// Dependencies returns the values that the program creates: the arguments of constructors, and what
// must be registered with the server even if the user's constructors do not take it.
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

// Sources returns the names of the dependencies that main.go adds to the server's sources of
// metrics. Registering a dependency adds it, too.
func (a App) Sources() (names []string) {
	for _, d := range a.Dependencies() {
		if d.Register == "" {
			names = append(names, d.Name)
		}
	}
	return names
}

// RequiresAuthentication reports whether the server fails to start without an authenticator.
func (a App) RequiresAuthentication() bool {
	requires := func(d Dependency) bool { return d.RequiresAuthentication }
	return slices.ContainsFunc(a.Dependencies(), requires) ||
		a.any(func(m Method) bool { return m.Policy.Auth != nil && !m.Policy.Auth.Public }) ||
		a.RequiresPermissions()
}

// RequiresPermissions reports whether the server fails to start without an authorizer.
func (a App) RequiresPermissions() bool {
	return a.any(func(m Method) bool { return m.Policy.Permission.Name != "" })
}

// Validates reports whether an RPC validates its requests by rules in the protos.
func (a App) Validates() bool {
	return a.any(func(m Method) bool { return m.Policy.Validate })
}
