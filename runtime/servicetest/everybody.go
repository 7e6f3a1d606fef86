package servicetest

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// everybody is an authenticator that accepts every caller, as a principal that the method lists,
// with all scopes that it requires.
type everybody struct{}

func (everybody) Bind(info runtime.MethodInfo) server.AuthenticateFunc {
	var scopes []string
	id := "servicetest"
	if auth := info.Policy.Auth; auth != nil {
		scopes = slices.Concat(auth.AllOf, auth.AnyOf)
		if !auth.AllowsPrincipal(id) {
			id = strings.TrimSuffix(auth.Principals[0], "*") + id
		}
	}
	principal := runtime.NewPrincipal(id, scopes...)
	return func(context.Context) (*runtime.Principal, error) { return principal, nil }
}

// unlimited is a rate limiter that allows every call.
type unlimited struct{}

func (unlimited) Bind(runtime.MethodInfo, []runtime.Rate) server.MethodRates { return unlimited{} }
func (unlimited) Take(context.Context, string) (int, time.Duration, error)   { return 0, 0, nil }
func (unlimited) GiveBack(context.Context, string)                           {}
