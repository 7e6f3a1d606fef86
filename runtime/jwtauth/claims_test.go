package jwtauth_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/jwtauth"
)

func TestScopes(t *testing.T) {
	key := p256("a")
	i := newIssuer(t, key)
	for name, row := range map[string]struct {
		from   []string
		claims m
		want   []string
	}{
		"scope":          {nil, m{"scope": " a  b "}, []string{"a", "b"}},
		"scope a list":   {nil, m{"scope": []string{"a", "b c"}}, []string{"a", "b c"}},
		"scp":            {nil, m{"scope": nil, "scp": "a b"}, []string{"a", "b"}},
		"scp a list":     {nil, m{"scope": nil, "scp": []string{"a", "b"}}, []string{"a", "b"}},
		"both":           {nil, m{"scope": "a", "scp": []string{"b"}}, []string{"a", "b"}},
		"none":           {nil, m{"scope": nil}, nil},
		"another type":   {nil, m{"scope": 1, "scp": m{"a": true}}, nil},
		"mixed list":     {nil, m{"scope": []any{"a", 1}}, nil},
		"null":           {nil, m{"scope": json.RawMessage("null")}, nil},
		"realm roles":    {[]string{"realm_access.roles"}, m{"realm_access": m{"roles": []string{"admin"}}}, []string{"admin"}},
		"client roles":   {[]string{"scope", "resource_access.my.app.roles"}, m{"scope": "a", "resource_access": m{"my.app": m{"roles": []string{"r"}}, "my": m{"roles": []string{"x"}}}}, []string{"a", "r"}},
		"URL":            {[]string{"https://example.com/roles"}, m{"https://example.com/roles": []string{"r"}}, []string{"r"}},
		"no such path":   {[]string{"realm_access.roles"}, m{"realm_access": m{"role": "x"}}, nil},
		"not an object":  {[]string{"realm_access.roles"}, m{"realm_access": "roles"}, nil},
		"only the named": {[]string{"permissions"}, m{"permissions": []string{"p"}, "scope": "a"}, []string{"p"}},
		"dots":           {[]string{"..", ".", "a..b", "a."}, m{"": m{"": "x"}, "a": m{"": m{"b": "y"}}}, nil},
		"deep":           {[]string{"a.roles"}, m{"a": json.RawMessage(`{"b":` + strings.Repeat("[", 2000) + strings.Repeat("]", 2000) + `,"roles":["r"]}`)}, []string{"r"}},
	} {
		t.Run(name, func(t *testing.T) {
			var opts []jwtauth.Option
			if row.from != nil {
				opts = append(opts, jwtauth.WithScopesFrom(row.from...))
			}
			p := accept(t, i.authenticator(t, opts...), key.sign(nil, i.claims(row.claims)))
			if got := p.Scopes(); !slices.Equal(got, row.want) {
				t.Errorf("%q, want %q", got, row.want)
			}
		})
	}
}

func TestClaims(t *testing.T) {
	key := p256("a")
	i := newIssuer(t, key)
	now := time.Now().Unix()
	a := i.authenticator(t)
	p := accept(t, a, key.sign(nil, i.claims(m{
		"aud": []string{audience, "shop"}, "exp": now + 100, "iat": now - 1, "nbf": nil, "email": "alice@example.com", "azp": "app"})))
	claims, ok := jwtauth.ClaimsOf(p)
	if !ok || claims.Issuer != i.URL || claims.Subject != "alice" || !slices.Equal(claims.Audience, []string{audience, "shop"}) ||
		claims.ExpiresAt.Unix() != now+100 || claims.IssuedAt.Unix() != now-1 || !claims.NotBefore.IsZero() ||
		claims.ID != "1" || claims.ClientID != "web" {
		t.Errorf("%+v", *claims)
	}
	var own struct{ Email string }
	if err := claims.Decode(&own); err != nil || own.Email != "alice@example.com" {
		t.Errorf("%+v, %v", own, err)
	}
	for _, printed := range []string{fmt.Sprint(p), fmt.Sprintf("%+v %v %#v", claims, *claims, claims), string(must(json.Marshal(claims)))} {
		if strings.Contains(printed, "example.com/") || strings.Contains(printed, "email") || !strings.Contains(printed, "#alice") {
			t.Errorf("printed as %s", printed)
		}
	}
	azp := accept(t, a, key.sign(nil, i.claims(m{"client_id": 1, "azp": "app"})))
	if claims, _ := jwtauth.ClaimsOf(azp); claims.ClientID != "app" {
		t.Errorf("client %q", claims.ClientID)
	}
	for _, p := range []*runtime.Principal{nil, runtime.NewPrincipal("a")} {
		if _, ok := jwtauth.ClaimsOf(p); ok {
			t.Error("claims of a principal without")
		}
	}
}

// TestRevocation checks that revocation is checked for every call, and fails closed.
func TestRevocation(t *testing.T) {
	key := p256("a")
	i := newIssuer(t, key)
	var revoked bool
	var failure error
	calls := 0
	a := i.authenticator(t, jwtauth.WithRevocation(func(_ context.Context, c *jwtauth.Claims) (bool, error) {
		calls++
		if c.ID != "1" {
			t.Errorf("jti %q", c.ID)
		}
		return revoked, failure
	}))
	token := i.token(key)
	accept(t, a, token)
	accept(t, a, token)
	revoked = true
	reject(t, a, token, jwtauth.ReasonTokenRevoked)
	revoked, failure = false, errors.New("the list is gone")
	if err := reject(t, a, token, jwtauth.ReasonKeysUnavailable); status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), "the list is gone") {
		t.Error(err)
	}
	failure = nil
	accept(t, a, token)
	if calls != 5 {
		t.Errorf("%d calls", calls)
	}
	reject(t, a, i.token(p256("a")), jwtauth.ReasonTokenInvalid)
	if calls != 5 {
		t.Error("called for a token that is not verified")
	}
}

// TestPrincipalIDs checks that issuer and subject are joined unambiguously.
func TestPrincipalIDs(t *testing.T) {
	key := p256("a")
	i := newIssuer(t, key)
	a := i.authenticator(t)
	seen := map[string]bool{}
	for _, sub := range []string{"alice", "#alice", "a#lice", "alice ", "Alice", "ålice", "a\u030alice"} {
		p := accept(t, a, key.sign(nil, i.claims(m{"sub": sub})))
		if seen[p.ID] || p.ID != i.URL+"#"+sub {
			t.Errorf("%q: %q", sub, p.ID)
		}
		seen[p.ID] = true
	}
}
