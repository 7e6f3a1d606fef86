package jwtauth_test

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"strings"
	"testing"

	"google.golang.org/grpc/metadata"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/jwtauth"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// TestIssuers checks that each token is checked by the authenticator of its issuer, with the keys
// of that issuer only.
func TestIssuers(t *testing.T) {
	a, b := p256("same"), p256("same")
	first, second, third := newIssuer(t, a), newIssuer(t, b), newIssuer(t, a)
	one, two := first.authenticator(t), second.authenticator(t)
	both, err := jwtauth.Issuers(one, two)
	if err != nil {
		t.Fatal(err)
	}
	authenticate := both.Bind(runtime.MethodInfo{})
	try := func(headers ...string) (*runtime.Principal, error) {
		return authenticate(metadata.NewIncomingContext(context.Background(), metadata.MD{"authorization": headers}))
	}
	for range 2 { // the second time from the caches
		for token, want := range map[string]string{first.token(a): first.URL, second.token(b): second.URL} {
			if p, err := try("Bearer " + token); err != nil || p.ID != want+"#alice" {
				t.Errorf("%v, %v", p, err)
			}
		}
	}
	for name, header := range map[string]string{
		"key of the other": "Bearer " + first.token(b), "third issuer": "Bearer " + third.token(a), "empty": "Bearer ",
		"no token": "Bearer x", "two parts": "Bearer x.y", "no JSON": "Bearer x.eA.z", "no base64": "Bearer x.?.z",
		"iss a number": "Bearer " + a.sign(nil, first.claims(m{"iss": 1})), "no iss": "Bearer " + a.sign(nil, first.claims(m{"iss": nil})),
		"huge": "Bearer " + strings.Repeat("a.", 5000),
	} {
		if p, err := try(header); p != nil || rpcerr.ReasonOf(err) != jwtauth.ReasonTokenInvalid {
			t.Errorf("%s: %v, %v", name, p, err)
		}
	}
	if p, err := try("Basic YTpi"); p != nil || err != nil {
		t.Errorf("another scheme: %v, %v", p, err)
	}
	for want, list := range map[string][]*jwtauth.Authenticator{
		"pass authenticators": nil, "the authenticators of New": {one, nil}, "two authenticators have the issuer": {one, two, one},
	} {
		if _, err := jwtauth.Issuers(list...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// ExampleNew serves with the tokens of an OpenID Connect provider.
func ExampleNew() {
	issuer, err := jwtauth.New(
		jwtauth.WithIssuer("https://id.example.com"),
		jwtauth.WithAudience("library"),
		jwtauth.WithScopesFrom("scope", "realm_access.roles"),
		jwtauth.WithRevocation(func(_ context.Context, claims *jwtauth.Claims) (bool, error) {
			return claims.ID == "4711", nil
		}),
	)
	if err != nil {
		log.Fatal(err)
	}
	srv := server.New(server.WithAuthenticator(issuer), server.WithLogger(slog.Default()))
	srv.Background("keys of the issuer", issuer.Run)
	// Register services, then: srv.Run(ctx, ":8443")
}

// ExampleIssuers serves with the tokens of two providers.
func ExampleIssuers() {
	customers, err := jwtauth.New(jwtauth.WithIssuer("https://shop.eu.auth0.com/"), jwtauth.WithAudience("https://api.example.com"))
	if err != nil {
		log.Fatal(err)
	}
	employees, err := jwtauth.New(jwtauth.WithIssuer("https://accounts.google.com"), jwtauth.WithAudience("https://api.example.com"))
	if err != nil {
		log.Fatal(err)
	}
	anyone, err := jwtauth.Issuers(customers, employees)
	if err != nil {
		log.Fatal(err)
	}
	_ = server.New(server.WithAuthenticator(anyone))
}

// ExampleClaimsOf reads a claim of the caller in a method.
func ExampleClaimsOf() {
	method := func(ctx context.Context) error {
		call, _ := runtime.CallFromContext(ctx)
		claims, ok := jwtauth.ClaimsOf(call.Principal())
		if !ok {
			return nil // a caller that another authenticator has authenticated
		}
		var own struct {
			Email string `json:"email"`
		}
		if err := claims.Decode(&own); err != nil {
			return err
		}
		fmt.Println(claims.Subject, own.Email)
		return nil
	}
	_ = method
}
