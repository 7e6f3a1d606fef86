package jwtauth_test

import (
	"encoding/json"
	"maps"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"github.com/grpcservice/grpcservice/runtime/jwtauth"
)

// FuzzToken checks that no authorization header crashes the authenticator, and that each token that
// it accepts is accepted by the strictest parser of golang-jwt too.
func FuzzToken(f *testing.F) {
	key := edSigner("key")
	i := &issuer{Server: &httptest.Server{URL: "https://id.example.com"}}
	a, err := jwtauth.New(jwtauth.WithIssuer(i.URL), jwtauth.WithAudience(audience), jwtauth.WithKey("key", key.private.Public()))
	if err != nil {
		f.Fatal(err)
	}
	strict := jwt.NewParser(jwt.WithValidMethods([]string{"EdDSA"}), jwt.WithIssuer(i.URL), jwt.WithAudience(audience),
		jwt.WithExpirationRequired(), jwt.WithIssuedAt(), jwt.WithStrictDecoding(), jwt.WithLeeway(60e9))
	for _, row := range abuses(i, i.token(key), p256("good"), key, p256("theirs")) {
		for _, header := range row.headers {
			f.Add(header, "", "")
		}
	}
	f.Add("", `{"alg":"EdDSA","kid":"key","typ":"JWT"}`, string(must(json.Marshal(i.claims(nil)))))
	f.Add("", `{"alg":"EdDSA"}`, string(must(json.Marshal(i.claims(m{"scope": []string{"a"}, "aud": []string{"x", audience}})))))
	f.Fuzz(func(t *testing.T, header, head, payload string) {
		if head != "" || payload != "" { // signed, so that the claims are reached
			header = "Bearer " + key.signRaw([]byte(head), []byte(payload))
		}
		p, err := call(a, header)
		if p == nil {
			return
		}
		if err != nil || p.ID == "" {
			t.Fatalf("%v and %v", p, err)
		}
		token := strings.TrimLeft(header[len("bearer "):], " ")
		if _, err := strict.Parse(token, func(*jwt.Token) (any, error) { return key.private.Public(), nil }); err != nil {
			t.Errorf("golang-jwt rejects %q: %v", token, err)
		}
	})
}

// FuzzJWKS checks that no JWKS crashes the parser, and that what it takes is a JSON object in which
// another parser finds a key.
func FuzzJWKS(f *testing.F) {
	f.Add(jwks(rsaKey(), p256("a"), edSigner("b")))
	f.Add([]byte(`{"keys":[{"kty":"EC","crv":"P-521","x":"AA","y":"AA"},{"kty":"RSA","n":"AQAB","e":"AQAB"}]}`))
	f.Add([]byte("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"))
	f.Add(publicPEM(rsaKey()))
	f.Fuzz(func(t *testing.T, data []byte) {
		jwtauth.ParseKeyFile(data)
		n, err := jwtauth.ParseJWKS(data)
		var document struct{ Keys []json.RawMessage }
		if err == nil && (json.Unmarshal(data, &document) != nil || n == 0 || n > len(document.Keys) || n > 100) {
			t.Errorf("%d keys in %q", n, data)
		}
	})
}

// FuzzObject compares the parser of objects with encoding/json.
func FuzzObject(f *testing.F) {
	for _, text := range []string{`{}`, ` { "a" : 1 , "b":[1,{"c":"}"}],"c":"\"]","d":{},"\u0061b":true,"":null} `,
		`{"a":-1.5e3,"b":"\\","c":[[]]}`, `{"a":1,"a":2}`, "null", `{"a"`, `[1]`, `{"a":tru`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		members, err := jwtauth.ParseObject(data)
		var want map[string]json.RawMessage
		if wantErr := json.Unmarshal(data, &want); err != nil {
			if wantErr == nil && len(want) > 0 && !strings.Contains(err.Error(), "two members") && !strings.Contains(err.Error(), "UTF-8") {
				t.Errorf("%q: %v", data, err)
			}
			return
		}
		if !maps.EqualFunc(members, want, func(a, b json.RawMessage) bool { return string(a) == string(b) }) {
			t.Errorf("%q: %q, want %q", data, members, want)
		}
	})
}
