package jwtauth_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"google.golang.org/grpc/metadata"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
	"github.com/grpcservice/grpcservice/runtime/jwtauth"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

func TestMain(m *testing.M) { echotest.Main(m) }

const audience = "library"

// signer is a private key of an issuer.
type signer struct {
	id, alg string
	private crypto.Signer
}

// The keys that tests share, because RSA keys take long to make.
var (
	rsaKey     = sync.OnceValue(func() signer { return signer{"rsa", "RS256", must(rsa.GenerateKey(rand.Reader, 2048))} })
	weakRSAKey = sync.OnceValue(func() signer { return signer{"weak", "RS256", must(rsa.GenerateKey(rand.Reader, 1024))} })
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func ecSigner(id string, curve elliptic.Curve) signer {
	alg := map[elliptic.Curve]string{elliptic.P256(): "ES256", elliptic.P384(): "ES384", elliptic.P521(): "ES512"}[curve]
	return signer{id, alg, must(ecdsa.GenerateKey(curve, rand.Reader))}
}

func p256(id string) signer { return ecSigner(id, elliptic.P256()) }

func edSigner(id string) signer {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	return signer{id, "EdDSA", must(private, err)}
}

// as returns the key with another algorithm or ID.
func (s signer) as(id, alg string) signer { return signer{id, alg, s.private} }

// jwk returns the public key as a JWK.
func (s signer) jwk() map[string]any {
	b64 := base64.RawURLEncoding.EncodeToString
	m := map[string]any{"kid": s.id, "use": "sig"}
	if s.alg != "" {
		m["alg"] = s.alg
	}
	switch k := s.private.Public().(type) {
	case *rsa.PublicKey:
		m["kty"], m["n"], m["e"] = "RSA", b64(k.N.Bytes()), b64(big.NewInt(int64(k.E)).Bytes())
	case *ecdsa.PublicKey:
		size := (k.Curve.Params().BitSize + 7) / 8
		m["kty"], m["crv"] = "EC", k.Curve.Params().Name
		m["x"], m["y"] = b64(k.X.FillBytes(make([]byte, size))), b64(k.Y.FillBytes(make([]byte, size)))
	case ed25519.PublicKey:
		m["kty"], m["crv"], m["x"] = "OKP", "Ed25519", b64(k)
	}
	return m
}

// jwks returns a JWKS of keys.
func jwks(keys ...signer) []byte {
	list := make([]any, len(keys))
	for i, k := range keys {
		list[i] = k.jwk()
	}
	return must(json.Marshal(map[string]any{"keys": list}))
}

// sign signs any header and claims. A nil header has the key's algorithm and ID, and typ.
func (s signer) sign(header, claims map[string]any) string {
	if header == nil {
		header = map[string]any{}
	}
	for name, value := range map[string]any{"alg": s.alg, "kid": s.id, "typ": "at+jwt"} {
		if _, ok := header[name]; !ok {
			header[name] = value
		}
	}
	return s.signRaw(must(json.Marshal(header)), must(json.Marshal(claims)))
}

// signRaw signs parts that may be anything.
func (s signer) signRaw(header, payload []byte) string {
	b64 := base64.RawURLEncoding.EncodeToString
	signed := b64(header) + "." + b64(payload)
	var key any = s.private
	if ed, ok := key.(ed25519.PrivateKey); ok {
		key = ed
	}
	return signed + "." + b64(must(jwt.GetSigningMethod(s.alg).Sign(signed, key)))
}

// issuer is an OpenID Connect provider on TLS.
type issuer struct {
	*httptest.Server
	fetches atomic.Int64 // of the JWKS

	mu        sync.Mutex
	published []signer
	cached    string // Cache-Control
	jwks      http.HandlerFunc
	discovery http.HandlerFunc
}

// newIssuer serves an issuer until the test ends.
func newIssuer(t testing.TB, keys ...signer) *issuer {
	t.Helper()
	i := &issuer{published: keys}
	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, r *http.Request) {
		if serve := i.override(&i.discovery); serve != nil {
			serve(w, r)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]string{"issuer": i.URL, "jwks_uri": i.URL + "/keys"})
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, r *http.Request) {
		i.fetches.Add(1)
		if serve := i.override(&i.jwks); serve != nil {
			serve(w, r)
			return
		}
		i.mu.Lock()
		defer i.mu.Unlock()
		if i.cached != "" {
			w.Header().Set("Cache-Control", i.cached)
		}
		_, _ = w.Write(jwks(i.published...))
	})
	i.Server = httptest.NewTLSServer(mux)
	t.Cleanup(i.Close)
	return i
}

func (i *issuer) override(handler *http.HandlerFunc) http.HandlerFunc {
	i.mu.Lock()
	defer i.mu.Unlock()
	return *handler
}

// serveKeys replaces the response for the JWKS.
func (i *issuer) serveKeys(serve http.HandlerFunc) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.jwks = serve
}

// serveDiscovery replaces the discovery document.
func (i *issuer) serveDiscovery(serve http.HandlerFunc) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.discovery = serve
}

// publish replaces the keys.
func (i *issuer) publish(keys ...signer) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.published = keys
}

func encode(data []byte) string { return base64.RawURLEncoding.EncodeToString(data) }

// claims returns those of a good token, with changes; nil removes a claim.
func (i *issuer) claims(changes map[string]any) map[string]any {
	now := time.Now().Unix()
	claims := map[string]any{
		"iss": i.URL, "aud": audience, "sub": "alice", "exp": now + 300, "iat": now, "nbf": now,
		"jti": "1", "client_id": "web", "scope": "books.read books.write",
	}
	for name, value := range changes {
		if claims[name] = value; value == nil {
			delete(claims, name)
		}
	}
	return claims
}

// token returns a good token.
func (i *issuer) token(key signer) string { return key.sign(nil, i.claims(nil)) }

// authenticator returns an authenticator for the issuer.
func (i *issuer) authenticator(t testing.TB, opts ...jwtauth.Option) *jwtauth.Authenticator {
	t.Helper()
	a, err := jwtauth.New(append([]jwtauth.Option{
		jwtauth.WithIssuer(i.URL), jwtauth.WithAudience(audience), jwtauth.WithHTTPClient(i.Client()),
		jwtauth.WithLogger(slog.New(slog.DiscardHandler)),
	}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// call authenticates a call with authorization headers.
func call(a *jwtauth.Authenticator, headers ...string) (*runtime.Principal, error) {
	ctx := metadata.NewIncomingContext(context.Background(), metadata.MD{"authorization": headers})
	return a.Bind(runtime.MethodInfo{})(ctx)
}

// accept fails unless the token is accepted.
func accept(t *testing.T, a *jwtauth.Authenticator, token string) *runtime.Principal {
	t.Helper()
	p, err := call(a, "Bearer "+token)
	if err != nil || p == nil {
		t.Fatalf("rejected: %v", err)
	}
	return p
}

// reject fails unless the token is rejected for the reason.
func reject(t *testing.T, a *jwtauth.Authenticator, token string, want rpcerr.Reason) error {
	t.Helper()
	p, err := call(a, "Bearer "+token)
	if got := rpcerr.ReasonOf(err); p != nil || got != want {
		t.Fatalf("principal %v, reason %q, want %q: %v", p, got, want, err)
	}
	return err
}
