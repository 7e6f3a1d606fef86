package service_test

import (
	"testing"

	"github.com/grpcservice/grpcservice/examples/shop/internal/auth"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// authenticated returns options that authenticate and authorize the shop's callers, and their
// credentials.
func authenticated(t *testing.T) (opts []server.Option, callers auth.Callers) {
	t.Helper()
	authenticator, err := auth.Provider{}.Authenticator()
	if err != nil {
		t.Fatal(err)
	}
	roles, err := auth.Roles("")
	if err != nil {
		t.Fatal(err)
	}
	callers, err = auth.Provider{}.Callers()
	if err != nil {
		t.Fatal(err)
	}
	return []server.Option{server.WithAuthenticator(authenticator), server.WithAuthorizer(roles)}, callers
}
