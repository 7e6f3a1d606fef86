package jwttest_test

import (
	"context"
	"net/http/httptest"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/callcreds"
	"github.com/grpcservice/grpcservice/runtime/jwtauth"
	"github.com/grpcservice/grpcservice/runtime/jwtauth/jwttest"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// start serves an issuer, and returns what authenticates its tokens.
func start(t *testing.T) (*jwttest.Issuer, *httptest.Server, server.AuthenticateFunc) {
	t.Helper()
	issuer := jwttest.NewIssuer()
	srv := httptest.NewTLSServer(issuer)
	t.Cleanup(srv.Close)
	issuer.SetURL(srv.URL)
	auth, err := jwtauth.New(jwtauth.WithIssuer(srv.URL), jwtauth.WithAudience("library"),
		jwtauth.WithHTTPClient(srv.Client()), jwtauth.WithUnknownKeyInterval(time.Second))
	if err != nil {
		t.Fatal(err)
	}
	return issuer, srv, auth.Bind(runtime.MethodInfo{})
}

// as returns the context of a call with an authorization header.
func as(t *testing.T, authorization string) context.Context {
	return metadata.NewIncomingContext(t.Context(), metadata.Pairs("authorization", authorization))
}

func TestTokensAreAccepted(t *testing.T) {
	issuer, srv, authenticate := start(t)
	for range 3 {
		token, err := issuer.Sign(jwttest.Claims{"sub": "ada", "aud": "library", "scope": "books.read books.write"})
		if err != nil {
			t.Fatal(err)
		}
		principal, err := authenticate(as(t, "Bearer "+token))
		for start := time.Now(); err != nil; time.Sleep(100 * time.Millisecond) { // keys are not fetched more often
			if time.Since(start) > time.Minute {
				t.Fatal(err)
			}
			principal, err = authenticate(as(t, "Bearer "+token))
		}
		if principal.ID != srv.URL+"#ada" || !principal.HasScope("books.write") {
			t.Errorf("the principal is %v with %q", principal, principal.Scopes())
		}
		issuer.Rotate()
	}
	issuer.Withdraw()
	stranger := jwttest.NewIssuer()
	stranger.SetURL(srv.URL)
	token, err := stranger.Sign(jwttest.Claims{"sub": "ada", "aud": "library"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := authenticate(as(t, "Bearer "+token)); err == nil {
		t.Error("a token that another issuer signed is accepted")
	}
}

func TestTokenEndpoint(t *testing.T) {
	issuer, srv, authenticate := start(t)
	issuer.AddClient("clerk", "a secret", jwttest.Claims{"aud": "library", "scope": "books.read"})
	for name, test := range map[string]struct {
		id, secret string
		opts       []callcreds.Option
		ok         bool
	}{
		"in the header": {"clerk", "a secret", nil, true},
		"in the body":   {"clerk", "a secret", []callcreds.Option{callcreds.WithSecretInBody()}, true},
		"wrong secret":  {"clerk", "another", nil, false},
		"unknown":       {"nobody", "a secret", nil, false},
	} {
		creds, err := callcreds.OAuth2(srv.URL+"/token", test.id,
			append(test.opts, callcreds.WithSecret(test.secret), callcreds.WithTransport(srv.Client().Transport))...)
		if err != nil {
			t.Fatal(err)
		}
		header, err := creds.GetRequestMetadata(t.Context())
		if ok := err == nil; ok != test.ok {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil {
			if status.Code(err) == codes.OK {
				t.Errorf("%s: the error %v has no status", name, err)
			}
			continue
		}
		principal, err := authenticate(as(t, header["authorization"]))
		if err != nil || principal.ID != srv.URL+"#clerk" {
			t.Errorf("%s: the principal is %v, %v", name, principal, err)
		}
	}
}
