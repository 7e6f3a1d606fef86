package model

import (
	"slices"

	"github.com/grpcservice/grpcservice/internal/golang"
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
	New         golang.Ident // the function that makes its implementation
	CanMake     bool         // whether that takes what the program has
	WithManager bool         // whether it takes the manager of operations
}

// Names returns the full names of the services, as a sentence lists them.
func (a App) Names() string {
	var names []string
	for _, svc := range a.Services {
		names = append(names, svc.FullName)
	}
	return listed(names)
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

// HasPages reports whether an RPC has page tokens.
func (a App) HasPages() bool {
	return a.any(func(m Method) bool { return m.Helper != nil && m.Helper.Needs.TokenKeys })
}

// HasIdempotencyKeys reports whether repeated calls are recognized by an idempotency key.
func (a App) HasIdempotencyKeys() bool {
	return a.any(func(m Method) bool { return m.Policy.IdempotencyKey.Field != "" })
}

// HasOperations reports whether the program keeps operations.
func (a App) HasOperations() bool {
	return slices.ContainsFunc(a.Services, func(svc AppService) bool { return svc.WithManager || svc.NeedsManager() })
}

// AsksWhoCalls reports whether the server does not start without knowing how callers are told apart.
func (a App) AsksWhoCalls() bool {
	return a.HasOperations() || a.any(func(m Method) bool { return m.Policy.Auth != nil && !m.Policy.Auth.Public })
}

// Validates reports whether requests are checked by rules in the protos.
func (a App) Validates() bool {
	return a.any(func(m Method) bool { return m.Policy.Validate })
}
