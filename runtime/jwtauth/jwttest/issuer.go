// Package jwttest is an OpenID Connect issuer for tests and examples: it signs tokens, publishes
// its keys, and rotates them.
//
//	issuer := jwttest.NewIssuer()
//	srv := httptest.NewTLSServer(issuer)
//	issuer.SetURL(srv.URL)
//	…
//	jwtauth.New(jwtauth.WithIssuer(srv.URL), jwtauth.WithAudience("library"),
//		jwtauth.WithHTTPClient(srv.Client()))
//	token, err := issuer.Sign(jwttest.Claims{"sub": "ada", "aud": "library", "scope": "books.read"})
package jwttest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Lifetime is how long a token is valid unless its claims state it.
const Lifetime = 5 * time.Minute

// Claims are the claims of a token by name.
type Claims map[string]any

// Issuer signs tokens with ES256. It is an http.Handler that serves the discovery document, the
// public keys, and a token endpoint at /token for the client credentials grant (RFC 6749, section
// 4.4). Its methods may be called concurrently.
type Issuer struct {
	mu      sync.Mutex
	url     string
	keys    []*signingKey // the first signs
	clients map[string]registered
}

type signingKey struct {
	id      string
	private *ecdsa.PrivateKey
}

// registered is a client that may get tokens.
type registered struct {
	secret string
	claims Claims
}

// NewIssuer returns an issuer with one key.
func NewIssuer() *Issuer {
	i := &Issuer{clients: make(map[string]registered)}
	i.Rotate()
	return i
}

// SetURL sets the URL at which the issuer is served: the claim "iss" of its tokens.
func (i *Issuer) SetURL(url string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.url = url
}

// AddClient registers a client of the token endpoint, whose tokens have the claims.
func (i *Issuer) AddClient(id, secret string, claims Claims) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.clients[id] = registered{secret, maps.Clone(claims)}
}

// Rotate makes a new key that signs from now on. The keys before it stay published.
func (i *Issuer) Rotate() {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err) // the system has no source of randomness
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.keys = append([]*signingKey{{rand.Text(), private}}, i.keys...)
}

// Withdraw publishes only the key that signs.
func (i *Issuer) Withdraw() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.keys = i.keys[:1]
}

// Sign returns a token with the claims, to which it adds "iss", "iat" and "exp" if they are not
// among them.
func (i *Issuer) Sign(claims Claims) (string, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.sign(claims)
}

// sign is Sign; i is locked.
func (i *Issuer) sign(claims Claims) (string, error) {
	if i.url == "" {
		return "", errors.New("jwttest: the issuer has no URL; call SetURL")
	}
	now := time.Now()
	all := jwt.MapClaims{"iss": i.url, "iat": now.Unix(), "exp": now.Add(Lifetime).Unix()}
	maps.Copy(all, claims)
	token := jwt.NewWithClaims(jwt.SigningMethodES256, all)
	token.Header["kid"], token.Header["typ"] = i.keys[0].id, "at+jwt"
	return token.SignedString(i.keys[0].private)
}

// ServeHTTP implements [http.Handler].
func (i *Issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	defer i.mu.Unlock()
	switch r.Method + " " + r.URL.Path {
	case "GET /.well-known/openid-configuration":
		respond(w, http.StatusOK, map[string]any{
			"issuer": i.url, "jwks_uri": i.url + "/keys", "token_endpoint": i.url + "/token",
		})
	case "GET /keys":
		respond(w, http.StatusOK, map[string]any{"keys": i.published()})
	case "POST /token":
		i.grant(w, r)
	default:
		http.NotFound(w, r)
	}
}

// published returns the public keys as a JWKS has them (RFC 7517).
func (i *Issuer) published() (keys []map[string]string) {
	for _, key := range i.keys {
		size := (key.private.Curve.Params().BitSize + 7) / 8
		b64 := base64.RawURLEncoding.EncodeToString
		keys = append(keys, map[string]string{
			"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": key.id,
			"x": b64(key.private.X.FillBytes(make([]byte, size))),
			"y": b64(key.private.Y.FillBytes(make([]byte, size))),
		})
	}
	return keys
}

// grant responds to a request for a token.
func (i *Issuer) grant(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<16)
	id, secret := clientOf(r)
	client, known := i.clients[id]
	same := subtle.ConstantTimeCompare([]byte(secret), []byte(client.secret)) == 1
	switch {
	case !known || !same:
		respond(w, http.StatusUnauthorized, map[string]any{"error": "invalid_client"})
		return
	case r.PostFormValue("grant_type") != "client_credentials":
		respond(w, http.StatusBadRequest, map[string]any{"error": "unsupported_grant_type"})
		return
	}
	claims := Claims{"sub": id, "client_id": id}
	maps.Copy(claims, client.claims)
	token, err := i.sign(claims)
	if err != nil {
		http.Error(w, fmt.Sprint(err), http.StatusInternalServerError)
		return
	}
	respond(w, http.StatusOK, map[string]any{
		"access_token": token, "token_type": "Bearer", "expires_in": int(Lifetime / time.Second),
	})
}

// clientOf returns the ID and the secret of a client, which are form-encoded in the header too
// (RFC 6749, section 2.3.1).
func clientOf(r *http.Request) (id, secret string) {
	id, secret, ok := r.BasicAuth()
	if !ok {
		return r.PostFormValue("client_id"), r.PostFormValue("client_secret")
	}
	plainID, err := url.QueryUnescape(id)
	plainSecret, wrong := url.QueryUnescape(secret)
	if err != nil || wrong != nil {
		return "", ""
	}
	return plainID, plainSecret
}

func respond(w http.ResponseWriter, status int, body map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // fails if the client has gone
}
