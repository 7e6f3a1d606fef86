package jwtauth_test

import (
	"context"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"log/slog"
	"maps"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/jwtauth"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"github.com/grpcservice/grpcservice/runtime/server"
	"github.com/grpcservice/grpcservice/runtime/servicetest"
)

type m = map[string]any

// abuse is a call with bad credentials.
type abuse struct {
	name    string
	headers []string
	want    rpcerr.Reason
	log     string // part of the text in the log
}

// abuses returns the table. The issuer has published good, the RSA key and ed, and nothing of
// theirs. Some rows are changes of token, which is good.
func abuses(i *issuer, token string, good, ed, theirs signer) []abuse {
	now := time.Now().Unix()
	claims := func(changes m) []string { return []string{"Bearer " + good.sign(nil, i.claims(changes))} }
	header := func(changes m) []string { return []string{"Bearer " + good.sign(changes, i.claims(nil))} }
	payload := func(text string) []string {
		return []string{"Bearer " + good.signRaw([]byte(`{"alg":"ES256","kid":"good"}`), []byte(text))}
	}
	rawHeader := func(text string) []string {
		return []string{"Bearer " + good.signRaw([]byte(text), must(json.Marshal(i.claims(nil))))}
	}
	parts := strings.Split(token, ".")
	b64 := base64.RawURLEncoding.EncodeToString
	const invalid, expired = jwtauth.ReasonTokenInvalid, jwtauth.ReasonTokenExpired
	table := []abuse{
		{"expired", claims(m{"exp": now - 60}), expired, "exp is"},
		{"expired long ago", claims(m{"exp": 1}), expired, "exp is 1970"},
		{"no exp", claims(m{"exp": nil}), invalid, ""},
		{"exp null", payload(`{"exp":null}`), invalid, "iss is"},
		{"exp a string", claims(m{"exp": fmt.Sprint(now + 60)}), invalid, "exp is"},
		{"exp negative", claims(m{"exp": -1}), invalid, "exp is"},
		{"exp 1e300", claims(m{"exp": json.Number("1e300")}), invalid, "exp is"},
		{"exp in milliseconds", claims(m{"exp": json.Number("9e18")}), invalid, "exp is"},
		{"iat in the future", claims(m{"iat": now + 3600}), invalid, "iat is"},
		{"iat a string", claims(m{"iat": "now"}), invalid, "iat is"},
		{"nbf in the future", claims(m{"nbf": now + 3600}), invalid, "nbf is"},
		{"another issuer", claims(m{"iss": "https://evil.example.com"}), invalid, "iss is"},
		{"issuer with a slash", claims(m{"iss": i.URL + "/"}), invalid, "iss is"},
		{"no issuer", claims(m{"iss": nil}), invalid, "iss is"},
		{"a list of issuers", claims(m{"iss": []string{i.URL}}), invalid, "iss is"},
		{"another audience", claims(m{"aud": "shop"}), invalid, "aud is"},
		{"other audiences", claims(m{"aud": []string{"shop", "Library"}}), invalid, "aud is"},
		{"no audience", claims(m{"aud": nil}), invalid, "aud is"},
		{"empty audience", claims(m{"aud": []string{}}), invalid, "aud is"},
		{"audience of two types", claims(m{"aud": []any{audience, 1}}), invalid, "aud is"},
		{"no subject", claims(m{"sub": nil}), invalid, "sub is"},
		{"empty subject", claims(m{"sub": ""}), invalid, "sub is"},
		{"subject a number", claims(m{"sub": 1}), invalid, "sub is"},
		{"subject with a NUL", claims(m{"sub": "a\x00b"}), invalid, "sub is"},
		{"subject with a line break", claims(m{"sub": "a\nlevel=INFO"}), invalid, "sub is"},
		{"subject of 256 bytes", claims(m{"sub": strings.Repeat("a", 256)}), invalid, "sub is"},
		{"claims in capitals", claims(m{"exp": nil, "EXP": now + 300}), invalid, ""},

		{"alg none", []string{"Bearer " + b64([]byte(`{"alg":"none"}`)) + "." + parts[1] + "."}, invalid, `alg is "none"`},
		{"alg None", []string{"Bearer " + b64([]byte(`{"alg":"None"}`)) + "." + parts[1] + "."}, invalid, `alg is "None"`},
		{"no alg", rawHeader(`{"kid":"good"}`), invalid, `alg is ""`},
		{"alg a list", rawHeader(`{"alg":["ES256"]}`), invalid, "alg is not a string"},
		{"alg unknown", rawHeader(`{"alg":"XX256"}`), invalid, `alg is "XX256"`},
		{"alg in lower case", rawHeader(`{"alg":"es256","kid":"good"}`), invalid, `alg is "es256"`},
		{"HS256 with the public key in PEM", []string{"Bearer " + hs256(i, publicPEM(rsaKey()))}, invalid, `alg is "HS256"`},
		{"HS256 with an empty secret", []string{"Bearer " + hs256(i, nil)}, invalid, `alg is "HS256"`},
		{"RS512 with a key for RS256", []string{"Bearer " + rsaKey().as("rsa", "RS512").sign(nil, i.claims(nil))}, invalid, "no key verifies RS512"},
		{"PS256 with a key for RS256", []string{"Bearer " + rsaKey().as("rsa", "PS256").sign(nil, i.claims(nil))}, invalid, "no key verifies PS256"},
		{"RS256 for an EC key", []string{"Bearer " + rsaKey().as("good", "RS256").sign(nil, i.claims(nil))}, invalid, "no key verifies RS256"},
		{"ES384 for a P-256 key", []string{"Bearer " + ecSigner("good", elliptic.P384()).sign(nil, i.claims(nil))}, invalid, "no key verifies ES384"},
		{"EdDSA for an EC key", []string{"Bearer " + ed.as("good", "EdDSA").sign(nil, i.claims(nil))}, invalid, "no key verifies EdDSA"},

		{"another key with a known kid", []string{"Bearer " + i.token(theirs.as("good", "ES256"))}, invalid, "signature"},
		{"another key without kid", []string{"Bearer " + i.token(theirs.as("", "ES256"))}, invalid, "signature"},
		{"jwk in the header", []string{"Bearer " + theirs.sign(m{"kid": "good", "jwk": theirs.jwk()}, i.claims(nil))}, invalid, "signature"},
		{"jku and x5u in the header", []string{"Bearer " + theirs.sign(m{"kid": "theirs", "jku": "https://evil.example.com", "x5u": "https://evil.example.com"}, i.claims(nil))}, invalid, ""},
		{"kid a path", []string{"Bearer " + i.token(theirs.as("../../dev/null", "ES256"))}, invalid, ""},
		{"kid a number", header(m{"kid": 1}), invalid, "kid is"},
		{"kid of 300 bytes", header(m{"kid": strings.Repeat("k", 300)}), invalid, "kid is"},
		{"kid with a line break", []string{"Bearer " + i.token(theirs.as("k\nERROR", "ES256"))}, invalid, `\n`},

		{"critical header", header(m{"crit": []string{"exp"}, "exp": now + 300}), invalid, "crit is"},
		{"empty critical header", header(m{"crit": []string{}}), invalid, "crit is"},
		{"unencoded payload", header(m{"b64": false}), invalid, "b64"},
		{"type of a logout token", header(m{"typ": "logout+jwt"}), invalid, `typ is "\"logout+jwt\""`},
		{"type a number", header(m{"typ": 1}), invalid, "typ is"},
		{"two alg", rawHeader(`{"alg":"none","alg":"ES256","kid":"good"}`), invalid, "two members"},
		{"two exp", payload(`{"exp":1,"exp":2}`), invalid, "two members"},
		{"invalid UTF-8", payload("{\"sub\":\"\xff\"}"), invalid, "UTF-8"},
		{"lone surrogate", payload(strings.Replace(string(must(json.Marshal(i.claims(nil)))), "alice", `\ud800`, 1)), invalid, "sub is"},

		{"no JSON", payload("x"), invalid, "invalid JSON"},
		{"null", payload("null"), invalid, "not a JSON object"},
		{"array", payload("[]"), invalid, "not a JSON object"},
		{"two objects", payload("{}{}"), invalid, "invalid JSON"},
		{"truncated", payload(`{"iss":`), invalid, "invalid JSON"},
		{"nested too deep", payload(`{"a":` + strings.Repeat("[", 5000)), invalid, "invalid JSON"},
		{"nested header", rawHeader(`{"a":` + strings.Repeat("[", 2500) + strings.Repeat("]", 2500) + "}"), invalid, "alg is"},

		{"empty", []string{"Bearer "}, invalid, "no token"},
		{"only the scheme", []string{"bearer"}, invalid, "no token"},
		{"one part", []string{"Bearer abc"}, invalid, "1 parts"},
		{"no signature", []string{"Bearer " + parts[0] + "." + parts[1]}, invalid, "2 parts"},
		{"empty signature", []string{"Bearer " + parts[0] + "." + parts[1] + "."}, invalid, "signature"},
		{"signature cut", []string{"Bearer " + token[:len(token)-4]}, invalid, "signature"},
		{"an encrypted token", []string{"Bearer " + token + "." + parts[1] + ".x"}, invalid, "5 parts"},
		{"periods", []string{"Bearer " + strings.Repeat(".", 4000)}, invalid, "4001 parts"},
		{"other unused bits", []string{"Bearer " + token[:len(token)-1] + otherBits(token[len(token)-1])}, invalid, "base64url"},
		{"padding", []string{"Bearer " + token + "="}, invalid, "base64url"},
		{"another payload", []string{"Bearer " + parts[0] + "." + b64(must(json.Marshal(i.claims(m{"sub": "root"})))) + "." + parts[2]}, invalid, "signature"},
		{"too large", []string{"Bearer " + strings.Repeat("a", 9000)}, invalid, "9000 bytes"},
		{"two headers", []string{"Bearer " + token, "Bearer " + token}, invalid, "2 authorization headers"},
		{"two headers, one of another scheme", []string{"Basic YTpi", "Bearer " + token}, invalid, "2 authorization headers"},
		{"two tokens joined by a proxy", []string{"Bearer " + token + ", Bearer " + token}, invalid, ""},
		{"two tokens in a header", []string{"Bearer " + token + " " + token}, invalid, ""},
		{"token in quotes", []string{`Bearer "` + token + `"`}, invalid, ""},

		{"no header", nil, rpcerr.ReasonUnauthenticated, ""},
		{"another scheme", []string{"Basic YTpi"}, rpcerr.ReasonUnauthenticated, ""},
		{"a scheme that starts the same", []string{"BearerX " + token}, rpcerr.ReasonUnauthenticated, ""},
		{"no scheme", []string{token}, rpcerr.ReasonUnauthenticated, ""},
	}
	return table
}

// otherBits returns another last character of a base64url text that encodes the same bytes.
func otherBits(c byte) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return string(alphabet[strings.IndexByte(alphabet, c)^1])
}

// hs256 signs a token with a secret, whose kid is that of the RSA key.
func hs256(i *issuer, secret []byte) string {
	b64 := base64.RawURLEncoding.EncodeToString
	signed := b64([]byte(`{"alg":"HS256","kid":"rsa"}`)) + "." + b64(must(json.Marshal(i.claims(nil))))
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(signed))
	return signed + "." + b64(mac.Sum(nil))
}

func publicPEM(s signer) []byte {
	der := must(x509.MarshalPKIXPublicKey(s.private.Public()))
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

// TestAbuse calls each kind of RPC of a server with each kind of bad credentials.
func TestAbuse(t *testing.T) {
	servicetest.NoLeaks(t)
	good, ed, theirs := p256("good"), edSigner("ed"), p256("theirs")
	i := newIssuer(t, good, rsaKey(), ed)
	authenticator := i.authenticator(t)
	token := i.token(good)
	accept(t, authenticator, token) // is cached
	var records echotest.Records
	calls := 0
	srv := echotest.StartServer(t, func(srv *server.Server) {
		server.Register[echotest.Service](srv, echotest.TableWith(runtime.Policy{Auth: &runtime.Auth{}}),
			echotest.Behaving(func(context.Context) error { calls++; return nil }))
	}, server.WithAuthenticator(authenticator), server.WithLogger(records.Logger(slog.LevelInfo)))
	for _, row := range abuses(i, token, good, ed, theirs) {
		t.Run(row.name, func(t *testing.T) {
			ctx := echotest.Context(t)
			for _, header := range row.headers {
				ctx = metadata.AppendToOutgoingContext(ctx, "authorization", header)
			}
			for _, kind := range slices.Sorted(maps.Keys(echotest.Kinds)) {
				records.Reset()
				err := echotest.Kinds[kind](ctx, srv.Conn)
				if got := rpcerr.ReasonOf(err); status.Code(err) != codes.Unauthenticated || got != row.want {
					t.Errorf("%s: reason %q, want %q: %v", kind, got, row.want, err)
				}
				for _, sent := range []string{i.URL, "evil", "XX256", "logout", "root", "Library"} { // only logged
					if text := status.Convert(err).Message(); strings.Contains(text, sent) {
						t.Errorf("%s: the caller reads %q", kind, text)
					}
				}
				log := records.Text()
				if !strings.Contains(log, strings.ReplaceAll(row.log, `\`, `\\`)) &&
					!strings.Contains(log, strings.Trim(string(must(json.Marshal(row.log))), `"`)) {
					t.Errorf("%s: the log has not %q: %s", kind, row.log, log)
				}
				for _, header := range row.headers {
					if secret := header[max(0, len(header)-40):]; len(header) > 80 && strings.Contains(log, secret) {
						t.Errorf("%s: the log has the token: %s", kind, log)
					}
				}
			}
		})
	}
	if calls != 0 {
		t.Errorf("%d calls reached the method", calls)
	}
	accept(t, authenticator, i.token(good)) // still
}

// TestGoodTokens accepts each algorithm and form that is allowed.
func TestGoodTokens(t *testing.T) {
	good := p256("good")
	keys := []signer{good, rsaKey(), ecSigner("384", elliptic.P384()), ecSigner("521", elliptic.P521()), edSigner("ed"),
		rsaKey().as("any", "")}
	i := newIssuer(t, keys...)
	a := i.authenticator(t)
	for _, k := range keys[:5] {
		p := accept(t, a, i.token(k))
		if want := i.URL + "#alice"; p.ID != want || !p.HasScope("books.read") || len(p.Scopes()) != 2 {
			t.Errorf("%s: principal %v with scopes %q", k.alg, p, p.Scopes())
		}
	}
	for _, alg := range []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"} {
		accept(t, a, i.token(rsaKey().as("any", alg))) // its JWK names none
	}
	for name, header := range map[string]m{
		"no typ": {"typ": ""}, "JWT": {"typ": "JWT"}, "media type": {"typ": "application/AT+JWT"}, "b64 true": {"b64": true},
	} {
		if p, err := call(a, "Bearer "+good.sign(header, i.claims(nil))); p == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, changes := range map[string]m{
		"audiences": {"aud": []string{"shop", audience}}, "leeway of exp": {"exp": time.Now().Unix() - 5},
		"leeway of nbf": {"nbf": time.Now().Unix() + 5}, "fraction": {"exp": float64(time.Now().Unix()) + 100.5},
		"no iat and nbf": {"iat": nil, "nbf": nil}, "no scope": {"scope": nil}, "far future": {"exp": json.Number("253402300799")},
	} {
		if p, err := call(a, "Bearer "+good.sign(nil, i.claims(changes))); p == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, header := range []string{"bearer ", "BEARER ", "Bearer   "} {
		if p, err := call(a, header+i.token(good)); p == nil {
			t.Errorf("%q: %v", header, err)
		}
	}
	for _, lineBreak := range []string{"\n", "\r\n"} { // base64 of Go ignores them; grpc does not pass them on
		if p, _ := call(a, "Bearer "+i.token(good)+lineBreak); p != nil {
			t.Errorf("a token with %q is accepted", lineBreak)
		}
	}
	if p, err := call(a, "Basic YTpi"); p != nil || err != nil {
		t.Errorf("another scheme: %v, %v; it is for another authenticator", p, err)
	}
}

// TestKeysOfOtherKinds rejects tokens of keys that a JWKS must not have, or not for signatures.
func TestKeysOfOtherKinds(t *testing.T) {
	good := p256("good")
	private := p256("private")
	jwkOf := func(s signer, changes m) m {
		jwk := s.jwk()
		maps.Copy(jwk, changes)
		return jwk
	}
	b64 := base64.RawURLEncoding.EncodeToString
	even := new(rsa.PublicKey)
	*even = *rsaKey().private.Public().(*rsa.PublicKey)
	even.N = new(big.Int).Sub(even.N, big.NewInt(1))
	huge := make([]byte, 2000)
	_, _ = rand.Read(huge)
	bad := map[string]m{
		"weak":      weakRSAKey().jwk(),
		"enc":       jwkOf(p256("enc"), m{"use": "enc"}),
		"ops":       jwkOf(p256("ops"), m{"key_ops": []string{"encrypt"}}),
		"private":   jwkOf(private, m{"d": b64(make([]byte, 32))}),
		"wrong alg": jwkOf(p256("wrong alg"), m{"alg": "RS256"}),
		"curve":     jwkOf(p256("curve"), m{"x": b64(make([]byte, 32))}),
		"long x":    jwkOf(p256("long x"), m{"x": b64(make([]byte, 33))}),
		"infinity":  jwkOf(p256("infinity"), m{"x": b64(make([]byte, 32)), "y": b64(make([]byte, 32))}),
		"secp256k1": jwkOf(p256("secp256k1"), m{"crv": "secp256k1"}),
		"even":      jwkOf(rsaKey().as("even", ""), m{"n": b64(even.N.Bytes())}),
		"e 1":       jwkOf(rsaKey().as("e 1", ""), m{"e": b64([]byte{1})}),
		"e huge":    jwkOf(rsaKey().as("e huge", ""), m{"e": b64([]byte{255, 255, 255, 255, 255, 255, 255})}),
		"n huge":    jwkOf(rsaKey().as("n huge", ""), m{"n": b64(huge)}),
		"no n":      jwkOf(rsaKey().as("no n", ""), m{"n": ""}),
		"oct":       {"kty": "oct", "kid": "oct", "k": b64([]byte("12345678901234567890123456789012")), "alg": "HS256"},
		"kty":       jwkOf(p256("kty"), m{"kty": 1}),
		"ed short":  jwkOf(edSigner("ed short"), m{"x": b64(make([]byte, 31))}),
		"x25519":    jwkOf(edSigner("x25519"), m{"crv": "X25519"}),
		"kid long":  jwkOf(p256(strings.Repeat("k", 300)), nil),
	}
	for name, jwk := range bad {
		t.Run(name, func(t *testing.T) {
			document := must(json.Marshal(m{"keys": []any{good.jwk(), jwk}}))
			n, err := jwtauth.ParseJWKS(document)
			if n != 1 || err != nil {
				t.Errorf("%d keys are usable, %v", n, err)
			}
			if n, _ := jwtauth.ParseJWKS(must(json.Marshal(m{"keys": []any{jwk}}))); n != 0 {
				t.Error("a set of this key alone is accepted")
			}
		})
	}
}
