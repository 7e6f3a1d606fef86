package callcreds

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/grpcservice/grpcservice/runtime/internal/reload"
)

// MaxLength is the number of bytes of the longest token or API key.
const MaxLength = 64 << 10

// Credentials are sent with every call of a connection: they implement grpc's
// credentials.PerRPCCredentials. They may be used by several connections at a time.
type Credentials struct {
	name      string // for people
	plaintext bool
	get       func(context.Context) (map[string]string, error)
	rejected  func() // nil if there is nothing to do
}

// GetRequestMetadata implements credentials.PerRPCCredentials. The map is shared between calls; do
// not modify it.
func (c *Credentials) GetRequestMetadata(ctx context.Context, _ ...string) (map[string]string, error) {
	return c.get(ctx)
}

// RequireTransportSecurity implements credentials.PerRPCCredentials.
func (c *Credentials) RequireTransportSecurity() bool { return !c.plaintext }

// Rejected is called by the connections of package client for each call that ends with
// UNAUTHENTICATED. The next call then waits for a new token of [OAuth2], or sends the old one if
// there is none to be had. Tokens younger than [RejectionAge] are kept: another one would not fare
// better.
func (c *Credentials) Rejected() {
	if c.rejected != nil {
		c.rejected()
	}
}

// String returns the kind of the credentials and what identifies them, but no secret.
func (c *Credentials) String() string { return "callcreds: " + c.name }

// Format implements fmt.Formatter: it writes [Credentials.String].
func (c *Credentials) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }

// MarshalText returns [Credentials.String], for logs in JSON.
func (c *Credentials) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// Token returns credentials that send "authorization: Bearer token".
func Token(token string, opts ...Option) (*Credentials, error) {
	return static(kindToken, "bearer token", token, opts)
}

// TokenFile returns credentials that send the token in a file. The file is checked for changes at
// most once a second, while calls are made. White space around the token is ignored. If the file
// cannot be used, the token that was read last is sent, and the log has the reason.
func TokenFile(path string, opts ...Option) (*Credentials, error) {
	return fromFile(kindToken, "bearer token in "+path, path, opts)
}

// APIKey returns credentials that send an API key, as "x-api-key: key" unless [WithHeader] or
// [WithScheme] says otherwise.
func APIKey(key string, opts ...Option) (*Credentials, error) {
	return static(kindKey, "API key", key, opts)
}

// APIKeyFile is [APIKey] with the key in a file, which is read as that of [TokenFile].
func APIKeyFile(path string, opts ...Option) (*Credentials, error) {
	return fromFile(kindKey, "API key in "+path, path, opts)
}

// static returns credentials with a secret that does not change.
func static(k kind, name, secret string, opts []Option) (*Credentials, error) {
	s, err := newSettings(k, opts)
	if err == nil {
		err = checkSecret(secret)
	}
	if err != nil {
		return nil, fmt.Errorf("callcreds: %s: %w", name, err)
	}
	header := s.headerOf(secret)
	get := func(context.Context) (map[string]string, error) { return header, nil }
	return &Credentials{name: name, plaintext: s.plaintext, get: get}, nil
}

// fromFile returns credentials with the secret in a file.
func fromFile(k kind, name, path string, opts []Option) (*Credentials, error) {
	s, err := newSettings(k, opts)
	if err != nil {
		return nil, fmt.Errorf("callcreds: %s: %w", name, err)
	}
	value, err := reload.Open(func(contents [][]byte) (map[string]string, error) {
		secret, err := secretIn(path, contents)
		return s.headerOf(secret), err
	}, s.notify("credentials", path), path)
	if err != nil {
		return nil, fmt.Errorf("callcreds: %s: %w", name, err)
	}
	get := func(context.Context) (map[string]string, error) { return value.Get(), nil }
	return &Credentials{name: name, plaintext: s.plaintext, get: get}, nil
}

// secretIn returns the secret in the content of a file.
func secretIn(path string, contents [][]byte) (string, error) {
	secret := strings.TrimSpace(string(contents[0]))
	if err := checkSecret(secret); err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	return secret, nil
}

// checkSecret returns why a header cannot have a secret; without the secret.
func checkSecret(secret string) error {
	switch {
	case secret == "":
		return errors.New("it is empty")
	case len(secret) > MaxLength:
		return fmt.Errorf("it has more than %d bytes", MaxLength)
	case strings.ContainsRune(secret, ' '):
		return errors.New(`it has a space; pass it alone, without "Bearer"`)
	case strings.ContainsFunc(secret, func(r rune) bool { return r <= ' ' || r >= 0x7f }):
		return errors.New("it has characters other than visible ASCII")
	}
	return nil
}
