// Package auth authenticates the shop's callers by tokens, on both sides.
//
// They are the tokens of an identity provider or, without one, those of the example, which anybody
// can sign.
package auth

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"google.golang.org/grpc"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/callcreds"
	"github.com/grpcservice/grpcservice/runtime/client"
	"github.com/grpcservice/grpcservice/runtime/jwtauth"
)

// Audience is the claim "aud" of the shop's tokens.
const Audience = "shop"

// The callers.
const (
	Clerk    = "clerk"    // may call every method
	Customer = "customer" // places orders
	Guest    = "guest"    // reads users
	Sensor   = "sensor"   // sends metrics
)

// Scopes returns the scopes of each caller, as the claim "scope" of their tokens has them.
func Scopes() map[string]string {
	return map[string]string{
		Clerk:    "users.write orders.write jobs.write metrics.write products.write events.read logs.read",
		Customer: "orders.write",
		Guest:    "users.read",
		Sensor:   "metrics.write",
	}
}

// Provider is an identity provider, which issues the callers' tokens.
type Provider struct {
	// Issuer is its URL. If it is empty, callers sign their own tokens: see [Sign].
	Issuer string
	// CAFile has the certificates that sign the provider's own; empty means those of the system.
	CAFile string
}

// Authenticator authenticates callers by the provider's tokens.
func (p Provider) Authenticator() (*jwtauth.Authenticator, error) {
	if p.Issuer == "" {
		return jwtauth.New(jwtauth.WithIssuer(exampleIssuer), jwtauth.WithAudience(Audience),
			jwtauth.WithKey("example", exampleKey().Public()))
	}
	transport, err := p.transport()
	if err != nil {
		return nil, err
	}
	return jwtauth.New(jwtauth.WithIssuer(p.Issuer), jwtauth.WithAudience(Audience),
		jwtauth.WithHTTPClient(&http.Client{Transport: transport}))
}

// transport returns how requests to the provider are sent.
func (p Provider) transport() (http.RoundTripper, error) {
	if p.CAFile == "" {
		return http.DefaultTransport, nil
	}
	pem, err := os.ReadFile(p.CAFile)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s: no certificate", p.CAFile)
	}
	return &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}, nil
}

// Callers are the credentials of each caller.
type Callers map[string]*callcreds.Credentials

// Callers returns the credentials of all callers. The provider issues their tokens for secrets;
// see [Secret].
func (p Provider) Callers() (Callers, error) {
	transport, err := p.transport()
	if err != nil {
		return nil, err
	}
	callers := make(Callers)
	for name := range Scopes() {
		if callers[name], err = p.credentials(name, transport); err != nil {
			return nil, err
		}
	}
	return callers, nil
}

func (p Provider) credentials(name string, transport http.RoundTripper) (*callcreds.Credentials, error) {
	if p.Issuer != "" {
		return callcreds.OAuth2(p.Issuer+"/token", name,
			callcreds.WithSecret(Secret(name)), callcreds.WithTransport(transport))
	}
	token, err := Sign(name)
	if err != nil {
		return nil, err
	}
	return callcreds.Token(token, callcreds.WithPlaintext())
}

// As returns a context whose calls send the credentials of a caller.
func (c Callers) As(ctx context.Context, name string) context.Context {
	return client.WithCallOptions(ctx, grpc.PerRPCCredentials(c[name]))
}

// Secret returns the secret with which a caller gets tokens from the provider of the demo.
func Secret(name string) string { return "the secret of " + name }

// Name returns the name of a caller without that of its provider.
func Name(p *runtime.Principal) string {
	if p == nil {
		return ""
	}
	if claims, ok := p.Claims.(*jwtauth.Claims); ok {
		return claims.Subject
	}
	return p.ID
}

// exampleIssuer is the issuer of the tokens that callers sign themselves.
const exampleIssuer = "https://example.com/shop"

// exampleKey lets the example run without an identity provider. It is public, so it protects
// nothing.
func exampleKey() crypto.Signer {
	return ed25519.NewKeyFromSeed([]byte("this is an example and no secret"))
}

// Sign returns a token of a caller with the key of the example.
func Sign(name string) (string, error) {
	now := time.Now()
	token := jwt.NewWithClaims(jwt.SigningMethodEdDSA, jwt.MapClaims{
		"iss": exampleIssuer, "aud": Audience, "sub": name, "scope": Scopes()[name],
		"iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	})
	token.Header["kid"] = "example"
	return token.SignedString(exampleKey())
}
