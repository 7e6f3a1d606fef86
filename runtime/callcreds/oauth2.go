package callcreds

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/grpcservice/grpcservice/runtime/internal/reload"
)

// OAuth2 returns credentials that send access tokens of the OAuth 2.0 client credentials grant.
// endpoint is the URL of the token endpoint, with https; clientID is the ID of the client, and its
// secret that of [WithSecret] or [WithSecretFile].
//
// The first call gets a token. A new one is requested by a call that finds that four fifths of the
// lifetime are over; calls do not wait for it while the old one is valid. At most one request is
// made at a time, with [RequestTimeout]. After a failure, the next request is made after a second,
// then two, at most a minute, or when the endpoint says. Calls without a valid token fail in the
// meantime: with UNAUTHENTICATED if the endpoint rejects the client, and else with UNAVAILABLE.
//
// A token without a lifetime is used for [DefaultLifetime], and none for longer than [MaxLifetime].
// The endpoint's response is read up to [MaxResponse] bytes. Redirects are not followed.
func OAuth2(endpoint, clientID string, opts ...Option) (*Credentials, error) {
	s, err := newSettings(kindOAuth2, opts)
	if err == nil && clientID == "" {
		err = errors.New("the ID of the client is empty")
	}
	if err == nil && s.secret == nil {
		err = errors.New("there is no secret; pass WithSecret or WithSecretFile")
	}
	host, urlErr := checkEndpoint(endpoint, s.plaintextEndpoint)
	if err = errors.Join(err, urlErr); err != nil {
		return nil, fmt.Errorf("callcreds: OAuth2: %w", err)
	}
	e := &tokenEndpoint{settings: s, url: endpoint, host: host, clientID: clientID}
	e.client = http.Client{Transport: s.transport, CheckRedirect: noRedirect}
	if s.transport == nil {
		e.client.Transport = defaultTransport()
	}
	cache := &cache{fetch: e.fetch, logger: s.logger, host: host}
	name := fmt.Sprintf("access tokens of %q from %s", clientID, host)
	return &Credentials{name: name, plaintext: s.plaintext, get: cache.get, rejected: cache.reject}, nil
}

// checkEndpoint returns the host of the URL of a token endpoint.
func checkEndpoint(endpoint string, plaintext bool) (host string, err error) {
	u, err := url.Parse(endpoint)
	switch {
	case err != nil:
		return "", errors.New("the endpoint is not a URL") // the error has it, perhaps with a secret
	case u.User != nil:
		return "", errors.New("the endpoint has a user; pass the ID of the client, and its secret with WithSecret")
	case u.Host == "" || u.Hostname() == "" || u.Fragment != "":
		return "", errors.New("the endpoint must be a URL with a host and without a fragment")
	case u.Scheme == "https", u.Scheme == "http" && plaintext:
		return u.Host, nil
	case u.Scheme == "http":
		return "", fmt.Errorf("http://%s: the secret would be sent in plain text; use https, or WithPlaintextEndpoint in tests", u.Host)
	}
	return "", fmt.Errorf("%s://%s: use https", u.Scheme, u.Host)
}

// noRedirect has a redirect returned as it is, because it would receive the secret or be a GET.
func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// defaultTransport returns a transport that keeps no connection: requests are rare.
func defaultTransport() http.RoundTripper {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: RequestTimeout}).DialContext,
		TLSHandshakeTimeout:    RequestTimeout,
		MaxResponseHeaderBytes: 64 << 10,
		DisableKeepAlives:      true,
		DisableCompression:     true,
	}
}

// WithSecret sets the secret of an OAuth 2.0 client.
func WithSecret(secret string) Option {
	return func(s *settings) {
		if !s.concerns(kindOAuth2, "WithSecret") {
			return
		}
		if secret == "" {
			s.fail("WithSecret: the secret is empty")
		}
		s.secret = func() string { return secret }
	}
}

// WithSecretFile is [WithSecret] with the secret in a file, which is read again when it changes.
// White space around the secret is ignored.
func WithSecretFile(path string) Option {
	return func(s *settings) {
		if !s.concerns(kindOAuth2, "WithSecretFile") {
			return
		}
		value, err := reload.Open(func(contents [][]byte) (string, error) {
			secret := strings.TrimSpace(string(contents[0]))
			if secret == "" || len(secret) > MaxLength {
				return "", fmt.Errorf("%s: a secret has from 1 to %d bytes", path, MaxLength)
			}
			return secret, nil
		}, func(err error) { s.notify("client secret", path)(err) }, path)
		if err != nil {
			s.fail("WithSecretFile: %w", err)
			return
		}
		s.secret = value.Get
	}
}

// WithSecretInBody sends ID and secret in the body of the request (client_secret_post), instead of
// as HTTP basic authentication (client_secret_basic), which every endpoint supports.
func WithSecretInBody() Option {
	return func(s *settings) {
		if s.concerns(kindOAuth2, "WithSecretInBody") {
			s.inBody = true
		}
	}
}

// WithScopes requests scopes for the access token.
func WithScopes(scopes ...string) Option {
	return func(s *settings) {
		if !s.concerns(kindOAuth2, "WithScopes") {
			return
		}
		for _, scope := range scopes {
			if checkSecret(scope) != nil {
				s.fail("WithScopes(%q): a scope is not empty, and has neither spaces nor control characters", scope)
			}
		}
		s.parameters.Set("scope", strings.Join(scopes, " "))
	}
}

// WithAudience requests an access token for an audience, in the parameter audience. Endpoints that
// follow RFC 8707 take [WithParameter]("resource", …) instead.
func WithAudience(audience string) Option { return WithParameter("audience", audience) }

// WithParameter adds a parameter to the request for an access token, which some endpoints need.
func WithParameter(name string, values ...string) Option {
	return func(s *settings) {
		if !s.concerns(kindOAuth2, "WithParameter") {
			return
		}
		switch name {
		case "", "grant_type", "client_id", "client_secret", "scope":
			s.fail("WithParameter(%q): the parameter has a name, and no other option sets it", name)
			return
		}
		s.parameters[name] = append(s.parameters[name], values...)
	}
}

// WithTransport sets what sends the requests for access tokens, to trust your own CA for example.
// The default keeps no connections and uses the proxy that the environment names.
func WithTransport(transport http.RoundTripper) Option {
	return func(s *settings) {
		if !s.concerns(kindOAuth2, "WithTransport") {
			return
		}
		if transport == nil {
			s.fail("WithTransport(nil): pass a transport, or leave the option out")
		}
		s.transport = transport
	}
}

// WithPlaintextEndpoint permits a token endpoint without TLS, for tests.
func WithPlaintextEndpoint() Option {
	return func(s *settings) {
		if s.concerns(kindOAuth2, "WithPlaintextEndpoint") {
			s.plaintextEndpoint = true
		}
	}
}
