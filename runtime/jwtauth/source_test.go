package jwtauth_test

import (
	"context"
	"crypto/elliptic"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/jwtauth"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
)

// text serves a text.
func text(format string, args ...any) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintf(w, format, args...) }
}

func redirect(to string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, http.StatusFound) }
}

// badKeys are what an issuer may serve instead of its JWKS, and a part of the reason in the log.
func badKeys(other *issuer, good signer) map[string]struct {
	serve http.HandlerFunc
	log   string
} {
	alike := make([]signer, 5)
	for i := range alike {
		alike[i] = p256("same")
	}
	many := slices.Repeat([]signer{good}, 101)
	type row = struct {
		serve http.HandlerFunc
		log   string
	}
	return map[string]row{
		"status 500":  {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }, "HTTP status 500"},
		"status 204":  {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }, "HTTP status 204"},
		"HTML":        {text("<html>"), "invalid JSON"},
		"empty":       {text(""), "invalid JSON"},
		"null":        {text("null"), "not a JSON object"},
		"no keys":     {text("{}"), "no array"},
		"keys null":   {text(`{"keys":null}`), "none of the 0 keys"},
		"keys a map":  {text(`{"keys":{}}`), "no array"},
		"empty set":   {text(`{"keys":[]}`), "none of the 0 keys"},
		"not keys":    {text(`{"keys":[1,null,"x",[]]}`), "none of the 4 keys"},
		"truncated":   {text("%s", jwks(good)[:100]), "invalid JSON"},
		"two sets":    {text("%s%s", jwks(good), jwks(good)), "invalid JSON"},
		"two members": {text(`{"keys":[],"keys":[]}`), "two members"},
		"many keys":   {text("%s", jwks(many...)), "101 keys; at most 100"},
		"alike keys":  {text("%s", jwks(alike...)), "5 keys verify ES256"},
		"weak keys":   {text("%s", jwks(weakRSAKey())), "1024 bits"},
		"huge":        {text("%s%s", strings.Repeat(" ", 600<<10), jwks(good)), "larger than"},
		"nested":      {text(`{"a":%s`, strings.Repeat("[", 400<<10)), "invalid JSON"},
		"cut off": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			fmt.Fprint(w, "{")
		}, "EOF"},
		"slow": {func(_ http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
			time.Sleep(100 * time.Millisecond) // so that the client cannot see the end of this
			panic(http.ErrAbortHandler)
		}, "deadline exceeded"},
		"other host": {redirect(other.URL + "/keys"), "is not followed"},
		"plain HTTP": {redirect("http://127.0.0.1/keys"), "is not followed"},
		"downgrade": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://"+r.Host+"/keys", http.StatusFound)
		}, "is not followed"},
		"in circles": {redirect("/keys"), "more than 3 redirects"},
		"endless body": {func(w http.ResponseWriter, _ *http.Request) {
			for range 1 << 12 {
				_, _ = w.Write(make([]byte, 1<<10))
			}
		}, "larger than"},
	}
}

// wantLog waits until the log has texts: the source logs after it has released its callers.
func wantLog(t *testing.T, records *echotest.Records, texts ...string) {
	t.Helper()
	for start := time.Now(); ; time.Sleep(time.Millisecond) {
		log := records.Text()
		if !slices.ContainsFunc(texts, func(text string) bool { return !strings.Contains(log, text) }) {
			return
		}
		if time.Since(start) > time.Minute {
			t.Fatalf("the log has not %q: %s", texts, log)
		}
	}
}

// TestBadKeys checks that an issuer that serves no usable keys is not asked for every call, that
// calls are UNAVAILABLE if it never served any, and that the keys of before stay in use otherwise.
func TestBadKeys(t *testing.T) {
	servicetest.NoLeaks(t)
	good := p256("good")
	other := newIssuer(t, p256("good")) // has the same kid
	for name, bad := range badKeys(other, good) {
		t.Run(name, func(t *testing.T) {
			i := newIssuer(t, good)
			var records echotest.Records
			timeout := 30 * time.Second // a busy machine is slow too
			if name == "slow" {
				timeout = 2 * time.Second
			}
			opts := []jwtauth.Option{jwtauth.WithLogger(records.Logger(slog.LevelInfo)), jwtauth.WithFetchTimeout(timeout)}
			before := i.authenticator(t, opts...)
			accept(t, before, i.token(good))
			i.serveKeys(bad.serve)
			fetches := i.fetches.Load()

			never := i.authenticator(t, opts...)
			for range 3 {
				err := reject(t, never, i.token(good), jwtauth.ReasonKeysUnavailable)
				wait, ok := rpcerr.RetryAfter(err)
				if status.Code(err) != codes.Unavailable || !ok || wait < time.Second {
					t.Errorf("%v, retry after %v", err, wait)
				}
			}
			wantLog(t, &records, bad.log, "no token can be verified")
			records.Reset()

			// An unknown key makes the other one fetch too.
			reject(t, before, i.token(p256("new")), jwtauth.ReasonKeysUnavailable)
			reject(t, before, i.token(p256("newer")), jwtauth.ReasonKeysUnavailable)
			reject(t, before, i.token(p256("good")), jwtauth.ReasonTokenInvalid)
			accept(t, before, i.token(good))
			accept(t, before, good.sign(nil, i.claims(m{"sub": "bob"})))
			wantLog(t, &records, bad.log, "stay in use")
			if n := i.fetches.Load() - fetches; n > 2*5 { // the redirect in circles is four requests
				t.Errorf("%d fetches", n)
			}
			if other.fetches.Load() != 0 {
				t.Error("keys of another host were fetched")
			}
		})
	}
}

// TestBadDiscovery checks that keys come only from a document of the same issuer, over https.
func TestBadDiscovery(t *testing.T) {
	good := p256("good")
	other := newIssuer(t, good)
	i := newIssuer(t, good)
	for name, row := range map[string]struct {
		serve http.HandlerFunc
		log   string
	}{
		"status 404":       {http.NotFound, "HTTP status 404"},
		"another issuer":   {text(`{"issuer":%q,"jwks_uri":%q}`, other.URL, i.URL+"/keys"), "instead of"},
		"with a slash":     {text(`{"issuer":%q,"jwks_uri":%q}`, i.URL+"/", i.URL+"/keys"), "instead of"},
		"no issuer":        {text(`{"jwks_uri":%q}`, i.URL+"/keys"), "instead of"},
		"no jwks_uri":      {text(`{"issuer":%q}`, i.URL), "not an https URL"},
		"plain HTTP":       {text(`{"issuer":%q,"jwks_uri":"http://127.0.0.1/keys"}`, i.URL), "not an https URL"},
		"file":             {text(`{"issuer":%q,"jwks_uri":"file:///etc/passwd"}`, i.URL), "not an https URL"},
		"user":             {text(`{"issuer":%q,"jwks_uri":"https://a:b@127.0.0.1/keys"}`, i.URL), "neither a user"},
		"redirect":         {redirect(other.URL + "/.well-known/openid-configuration"), "is not followed"},
		"jwks_uri a list":  {text(`{"issuer":%q,"jwks_uri":[%q]}`, i.URL, i.URL+"/keys"), "not a string"},
		"huge":             {text(`{"a":%q}`, strings.Repeat("a", 600<<10)), "larger than"},
		"two issuers":      {text(`{"issuer":%q,"issuer":%q}`, i.URL, i.URL), "two members"},
		"nothing but text": {text("maintenance"), "invalid JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			i.serveDiscovery(row.serve)
			fetches := i.fetches.Load()
			a := i.authenticator(t)
			if err := a.Ready(context.Background()); err == nil || !strings.Contains(err.Error(), row.log) {
				t.Errorf("%v, want %q", err, row.log)
			}
			reject(t, a, i.token(good), jwtauth.ReasonKeysUnavailable)
			if i.fetches.Load() != fetches || other.fetches.Load() != 0 {
				t.Error("keys were fetched")
			}
		})
	}
	t.Run("unknown CA", func(t *testing.T) {
		i.serveDiscovery(nil)
		a := i.authenticator(t, jwtauth.WithHTTPClient(nil))
		if err := a.Ready(context.Background()); err == nil || !strings.Contains(err.Error(), "certificate") {
			t.Error(err)
		}
	})
	t.Run("same host", func(t *testing.T) { // a redirect that is followed
		i.serveDiscovery(nil)
		i.serveKeys(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.RawQuery == "" {
				http.Redirect(w, r, "/keys?v=2", http.StatusFound)
				return
			}
			_, _ = w.Write(jwks(good))
		})
		accept(t, i.authenticator(t), i.token(good))
	})
}

// TestJWKSURL checks that discovery is not used if the URL is known, and that http must be allowed.
func TestJWKSURL(t *testing.T) {
	good := p256("good")
	plain := httptest.NewServer(text("%s", jwks(good)))
	t.Cleanup(plain.Close)
	i := newIssuer(t, good)
	i.serveDiscovery(http.NotFound)
	accept(t, i.authenticator(t, jwtauth.WithJWKSURL(i.URL+"/keys")), i.token(good))
	accept(t, i.authenticator(t, jwtauth.WithJWKSURL(plain.URL), jwtauth.WithPlainHTTP()), i.token(good))
}

// TestBadTokensFetchNothing checks that only a token that could be good makes the source fetch.
func TestBadTokensFetchNothing(t *testing.T) {
	good, ed, theirs := p256("good"), edSigner("ed"), p256("theirs")
	i := newIssuer(t, good, rsaKey(), ed)
	a := i.authenticator(t)
	probe := i.authenticator(t, jwtauth.WithKey("good", good.private.Public()))
	plausible := 0
	for _, row := range abuses(i, i.token(good), good, ed, theirs) {
		_, err := call(probe, row.headers...)
		if text := fmt.Sprint(err); strings.Contains(text, "key") || strings.Contains(text, "signature") {
			plausible++ // what is wrong with it cannot be said without keys
			continue
		}
		_, _ = call(a, row.headers...)
		if n := i.fetches.Load(); n > 0 {
			t.Fatalf("%s: %d fetches", row.name, n)
		}
	}
	if plausible == 0 || plausible > 20 {
		t.Fatalf("%d tokens are plausible", plausible)
	}
	accept(t, a, i.token(good))
	for _, alg := range []string{"RS512", "PS256"} { // the key is known, and is for RS256
		reject(t, a, i.token(rsaKey().as("rsa", alg)), jwtauth.ReasonTokenInvalid)
	}
	if n := i.fetches.Load(); n != 1 {
		t.Errorf("%d fetches, want 1", n)
	}
}

// TestWithdrawnKey checks that a cached token is rejected after the next fetch without its key.
func TestWithdrawnKey(t *testing.T) {
	servicetest.NoLeaks(t)
	old, next := p256("old"), p256("next")
	i := newIssuer(t, old)
	a := i.authenticator(t)
	token := i.token(old)
	accept(t, a, token)
	i.publish(next)
	accept(t, a, token) // cached
	accept(t, a, i.token(next))
	err := reject(t, a, token, jwtauth.ReasonTokenInvalid)
	if wait, ok := rpcerr.RetryAfter(err); !ok || wait > 10*time.Second {
		t.Errorf("retry after %v, %v", wait, ok)
	}
	reject(t, a, i.token(p256("unknown")), jwtauth.ReasonTokenInvalid)
	accept(t, a, i.token(next))
	if n := i.fetches.Load(); n != 2 {
		t.Errorf("%d fetches", n)
	}
}

// TestReusedKeyID checks that a new key with the ID of the old one replaces it.
func TestReusedKeyID(t *testing.T) {
	i := newIssuer(t, p256("default"))
	a := i.authenticator(t)
	if err := a.Ready(context.Background()); err != nil {
		t.Fatal(err)
	}
	next := p256("default")
	i.publish(next)
	accept(t, a, i.token(next))
}

// TestCollidingKeyIDs checks that several keys with the same ID, or none, are all tried.
func TestCollidingKeyIDs(t *testing.T) {
	a, b, c := p256("same"), p256("same"), ecSigner("same", elliptic.P384())
	none, edNone := p256(""), edSigner("")
	i := newIssuer(t, a, b, c, rsaKey().as("same", "RS256"), none, edNone)
	auth := i.authenticator(t)
	for _, k := range []signer{a, b, c, rsaKey().as("same", "RS256"), none, edNone, none.as("any", "ES256"), edNone.as("any", "EdDSA")} {
		accept(t, auth, i.token(k))
	}
	reject(t, auth, i.token(p256("same")), jwtauth.ReasonTokenInvalid)
	// A token without kid may be of any key, unless there are too many.
	accept(t, auth, i.token(a.as("", "ES256")))
	many := newIssuer(t, p256("1"), p256("2"), p256("3"), p256("4"), a)
	reject(t, many.authenticator(t), many.token(a.as("", "ES256")), jwtauth.ReasonTokenInvalid)
	accept(t, many.authenticator(t), many.token(a))
}

// TestKeyFile checks that keys of a file are read again, that a file that cannot be used changes
// nothing, and that tokens of withdrawn keys are rejected.
func TestKeyFile(t *testing.T) {
	old, next := p256("old"), p256("next")
	path := filepath.Join(t.TempDir(), "jwks.json")
	write := func(content []byte) {
		t.Helper()
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(jwks(old))
	i := newIssuer(t)
	var records echotest.Records
	a := i.authenticator(t, jwtauth.WithKeyFile(path), jwtauth.WithLogger(records.Logger(slog.LevelInfo)))
	token := i.token(old)
	accept(t, a, token)
	ready := func() error { return a.Ready(context.Background()) }
	for name, content := range map[string][]byte{
		"half written": jwks(old, next)[:80], "empty": nil, "a private key": []byte("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"),
		"half PEM": publicPEM(next)[:60], "weak": publicPEM(weakRSAKey()), "text": []byte("keys"), "only a secret": []byte(`{"keys":[{"kty":"oct","k":"AAAA"}]}`),
	} {
		write(content)
		if err := ready(); err == nil {
			t.Errorf("%s: ready", name)
		}
		accept(t, a, old.sign(nil, i.claims(m{"sub": name})))
	}
	write(jwks(next))
	if err := ready(); err != nil {
		t.Fatal(err)
	}
	reject(t, a, token, jwtauth.ReasonTokenInvalid)
	accept(t, a, i.token(next))
	write(append(publicPEM(old), publicPEM(rsaKey())...)) // keys without ID
	if err := ready(); err != nil {
		t.Fatal(err)
	}
	accept(t, a, i.token(old))
	accept(t, a, i.token(rsaKey()))
	reject(t, a, i.token(next), jwtauth.ReasonTokenInvalid)
	if i.fetches.Load() != 0 {
		t.Error("the issuer was asked")
	}
	if len(records.Named(t, "keys changed")) != 2 || len(records.Named(t, "the key file cannot be used; the keys stay as they are")) < 5 {
		t.Errorf("log: %s", records.Text())
	}
}

// TestKey checks keys of the program.
func TestKey(t *testing.T) {
	i := newIssuer(t)
	a, b := p256("a"), edSigner("b")
	auth := i.authenticator(t, jwtauth.WithKey("a", a.private.Public()), jwtauth.WithKey("", b.private.Public()))
	accept(t, auth, i.token(a))
	accept(t, auth, i.token(b))
	reject(t, auth, i.token(a.as("other", "ES256")), jwtauth.ReasonTokenInvalid)
	if err := auth.Ready(context.Background()); err != nil || i.fetches.Load() != 0 {
		t.Error(err)
	}
}

// TestSecret checks that secrets verify HMAC only, with methods for which they are long enough.
func TestSecret(t *testing.T) {
	i := newIssuer(t)
	secret, other := []byte(strings.Repeat("s", 32)), []byte(strings.Repeat("o", 64))
	a := i.authenticator(t, jwtauth.WithSecret(secret, other))
	accept(t, a, hs256(i, secret))
	accept(t, a, hs256(i, other))
	reject(t, a, hs256(i, []byte(strings.Repeat("x", 32))), jwtauth.ReasonTokenInvalid)
	reject(t, a, i.token(p256("a")), jwtauth.ReasonTokenInvalid)
	reject(t, i.authenticator(t, jwtauth.WithSecret(secret), jwtauth.WithMethods("HS512")), hs256(i, secret), jwtauth.ReasonTokenInvalid)
	secret[0] = 'x' // the caller's slice is its own
	accept(t, a, hs256(i, []byte(strings.Repeat("s", 32))))
}

// TestMethods checks that algorithms can be restricted.
func TestMethods(t *testing.T) {
	i := newIssuer(t, rsaKey().as("rsa", ""), p256("ec"))
	a := i.authenticator(t, jwtauth.WithMethods("PS256"))
	accept(t, a, i.token(rsaKey().as("rsa", "PS256")))
	reject(t, a, i.token(rsaKey().as("rsa", "RS256")), jwtauth.ReasonTokenInvalid)
	b := i.authenticator(t, jwtauth.WithTokenTypes("at+jwt"))
	accept(t, b, i.token(rsaKey()))
	reject(t, b, rsaKey().sign(m{"typ": "JWT"}, i.claims(nil)), jwtauth.ReasonTokenInvalid)
	reject(t, b, rsaKey().sign(m{"typ": ""}, i.claims(nil)), jwtauth.ReasonTokenInvalid)
}

// TestOptions checks the errors of New.
func TestOptions(t *testing.T) {
	issuer, aud := jwtauth.WithIssuer("https://id.example.com"), jwtauth.WithAudience(audience)
	for name, row := range map[string]struct {
		opts []jwtauth.Option
		want string
	}{
		"nothing":           {nil, "no issuer; pass WithIssuer\nno audience; pass WithAudience"},
		"no audience":       {[]jwtauth.Option{issuer}, "no audience"},
		"empty audience":    {[]jwtauth.Option{issuer, jwtauth.WithAudience("")}, "no audience"},
		"http issuer":       {[]jwtauth.Option{jwtauth.WithIssuer("http://id.example.com"), aud}, "not an https URL"},
		"issuer, no URL":    {[]jwtauth.Option{jwtauth.WithIssuer("id"), aud}, "not an https URL"},
		"issuer with #":     {[]jwtauth.Option{jwtauth.WithIssuer("https://id.example.com#a"), aud}, `an issuer has no "#"`},
		"issuer with query": {[]jwtauth.Option{jwtauth.WithIssuer("https://id.example.com?a"), aud}, "has no query"},
		"http JWKS":         {[]jwtauth.Option{issuer, aud, jwtauth.WithJWKSURL("http://id.example.com")}, "WithJWKSURL"},
		"two sources":       {[]jwtauth.Option{issuer, aud, jwtauth.WithJWKSURL("https://a"), jwtauth.WithSecret(make([]byte, 32))}, "several sources"},
		"HMAC and JWKS":     {[]jwtauth.Option{issuer, aud, jwtauth.WithMethods("HS256")}, `WithMethods("HS256")`},
		"none":              {[]jwtauth.Option{issuer, aud, jwtauth.WithMethods("none")}, `WithMethods("none")`},
		"RS256 and secret":  {[]jwtauth.Option{issuer, aud, jwtauth.WithSecret(make([]byte, 32)), jwtauth.WithMethods("RS256")}, `WithMethods("RS256")`},
		"short secret":      {[]jwtauth.Option{issuer, aud, jwtauth.WithSecret([]byte("secret"))}, "a secret of 6 bytes"},
		"no secret":         {[]jwtauth.Option{issuer, aud, jwtauth.WithSecret()}, "pass a secret"},
		"weak key":          {[]jwtauth.Option{issuer, aud, jwtauth.WithKey("a", weakRSAKey().private.Public())}, "1024 bits"},
		"private key":       {[]jwtauth.Option{issuer, aud, jwtauth.WithKey("a", p256("a").private)}, "a key of type *ecdsa.PrivateKey"},
		"nil key":           {[]jwtauth.Option{issuer, aud, jwtauth.WithKey("a", nil)}, "a key of type <nil>"},
		"secret as key":     {[]jwtauth.Option{issuer, aud, jwtauth.WithKey("a", []byte("secret"))}, "a key of type []uint8"},
		"no file":           {[]jwtauth.Option{issuer, aud, jwtauth.WithKeyFile("/does/not/exist")}, "no such file"},
		"leeway":            {[]jwtauth.Option{issuer, aud, jwtauth.WithLeeway(time.Hour)}, "WithLeeway(1h0m0s)"},
		"negative leeway":   {[]jwtauth.Option{issuer, aud, jwtauth.WithLeeway(-1)}, "WithLeeway(-1ns)"},
		"no types":          {[]jwtauth.Option{issuer, aud, jwtauth.WithTokenTypes()}, "WithTokenTypes()"},
		"empty scope":       {[]jwtauth.Option{issuer, aud, jwtauth.WithScopesFrom("")}, "WithScopesFrom"},
		"token size":        {[]jwtauth.Option{issuer, aud, jwtauth.WithMaxTokenSize(1 << 20)}, "WithMaxTokenSize(1048576)"},
		"cache":             {[]jwtauth.Option{issuer, aud, jwtauth.WithCache(-1, time.Minute)}, "WithCache(-1, 1m0s)"},
		"cache for a day":   {[]jwtauth.Option{issuer, aud, jwtauth.WithCache(1, 24*time.Hour)}, "WithCache(1, 24h0m0s)"},
		"refresh":           {[]jwtauth.Option{issuer, aud, jwtauth.WithRefresh(time.Hour, time.Minute)}, "WithRefresh(1h0m0s, 1m0s)"},
		"stale":             {[]jwtauth.Option{issuer, aud, jwtauth.WithMaxStale(time.Minute)}, "WithMaxStale(1m0s)"},
		"interval":          {[]jwtauth.Option{issuer, aud, jwtauth.WithUnknownKeyInterval(0)}, "WithUnknownKeyInterval(0s)"},
		"timeout":           {[]jwtauth.Option{issuer, aud, jwtauth.WithFetchTimeout(0)}, "WithFetchTimeout(0s)"},
		"revocation":        {[]jwtauth.Option{issuer, aud, jwtauth.WithRevocation(nil)}, "WithRevocation(nil)"},
	} {
		t.Run(name, func(t *testing.T) {
			a, err := jwtauth.New(row.opts...)
			if a != nil || err == nil || !strings.Contains(err.Error(), row.want) || !strings.HasPrefix(err.Error(), "jwtauth.New: ") {
				t.Errorf("%v, want %q", err, row.want)
			}
			if err != nil && strings.Contains(err.Error(), "secret\"") {
				t.Errorf("the error has the secret: %v", err)
			}
		})
	}
	if _, err := jwtauth.New(issuer, aud, nil); err != nil {
		t.Error(err)
	}
}
