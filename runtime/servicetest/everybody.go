package servicetest

import (
	"context"
	"slices"
	"time"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// everybody is an authenticator that accepts every caller, with all scopes that the method
// requires.
type everybody struct{}

func (everybody) Bind(info runtime.MethodInfo) server.AuthenticateFunc {
	var scopes []string
	if auth := info.Policy.Auth; auth != nil {
		scopes = slices.Concat(auth.AllOf, auth.AnyOf)
	}
	principal := runtime.NewPrincipal("servicetest", scopes...)
	return func(context.Context) (*runtime.Principal, error) { return principal, nil }
}

// unlimited is a rate limiter that allows every call.
type unlimited struct{}

func (unlimited) Bind(runtime.MethodInfo, []runtime.Rate) server.MethodRates { return unlimited{} }
func (unlimited) Take(context.Context, string) (int, time.Duration, error)   { return 0, 0, nil }
func (unlimited) GiveBack(context.Context, string)                           {}
