package jwtauth

import (
	"crypto"
	"log/slog"
	"net/http"
	"slices"
	"time"
)

// Option configures [New].
type Option func(*settings)

// Where the keys are; without one of them, they are discovered.
const (
	sourceURL = 1 << iota
	sourceFile
	sourceKeys
	sourceSecret
)

// settings collects the options.
type settings struct {
	issuer       string
	audiences    []string
	algorithms   []string
	types        []string
	scopes       []string
	leeway       time.Duration
	maxTokenSize int
	cacheTokens  int
	cacheAge     time.Duration
	revoked      RevokedFunc
	noRevocation bool
	logger       *slog.Logger

	sources   int // bits
	jwksURL   string
	keyFile   string
	keys      []staticKey
	secrets   [][]byte
	client    *http.Client
	plainHTTP bool
	timing    timing
}

type staticKey struct {
	id     string
	public crypto.PublicKey
}

// WithIssuer sets the issuer, which the claim iss must equal. It is required. Without an option
// that says where the keys are, they are discovered: the issuer is an https URL, and its document
// at /.well-known/openid-configuration must have the same issuer, to the last slash.
func WithIssuer(issuer string) Option {
	return func(s *settings) { s.issuer = issuer }
}

// WithAudience sets the audiences that this service accepts. It is required; a token must have one
// of them in its claim aud. Without it, a token that was issued for another service could be used
// here.
func WithAudience(audiences ...string) Option {
	return func(s *settings) { s.audiences = append(s.audiences, audiences...) }
}

// WithJWKSURL fetches the keys from an https URL instead of discovering it.
func WithJWKSURL(url string) Option {
	return func(s *settings) { s.sources, s.jwksURL = s.sources|sourceURL, url }
}

// WithKeyFile reads the keys from a file: a JWKS, or public keys and certificates in PEM. It is
// read again when it has changed, at most once a second. While its content cannot be used, the keys
// stay as they are. Keys in PEM have no key ID; each is tried for every token. Whether a
// certificate is valid is not checked.
func WithKeyFile(path string) Option {
	return func(s *settings) { s.sources, s.keyFile = s.sources|sourceFile, path }
}

// WithKey adds a public key: *rsa.PublicKey, *ecdsa.PublicKey or ed25519.PublicKey. It verifies
// tokens with its key ID, or any token if the ID is "". The keys do not change.
func WithKey(id string, public crypto.PublicKey) Option {
	return func(s *settings) {
		s.sources |= sourceKeys
		s.keys = append(s.keys, staticKey{id, public})
	}
}

// WithSecret verifies tokens with shared secrets: HS256, and HS384 and HS512 with secrets of at
// least 48 and 64 bytes (RFC 7518). A secret has at least 32 bytes. Several are for rotation.
// Every holder of a secret can issue tokens; prefer keys.
func WithSecret(secrets ...[]byte) Option {
	return func(s *settings) {
		s.sources |= sourceSecret
		for _, secret := range secrets {
			s.secrets = append(s.secrets, slices.Clone(secret))
		}
	}
}

// WithMethods restricts the algorithms, such as "ES256". The default is all that fit the keys:
// RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA. In each case a key verifies
// only those that fit its type, and only the one that its JWK names.
func WithMethods(algorithms ...string) Option {
	return func(s *settings) { s.algorithms = append(s.algorithms, algorithms...) }
}

// WithLeeway sets by how much the clocks of the issuer and this server may differ, for exp, nbf and
// iat: 30 s by default, 5 minutes at most.
func WithLeeway(leeway time.Duration) Option {
	return func(s *settings) { s.leeway = leeway }
}

// WithTokenTypes sets which types a token may have in its header typ, regardless of case: "JWT",
// "at+jwt" and "" (no type) by default. With "at+jwt" alone, the tokens of an issuer that follows
// RFC 9068 cannot be confused with its ID tokens.
func WithTokenTypes(types ...string) Option {
	return func(s *settings) { s.types = slices.Clone(types) }
}

// WithMaxTokenSize sets the number of bytes of the largest token: 8 KiB by default, 256 bytes to
// 64 KiB. The server's limit for all metadata of a call applies as well.
func WithMaxTokenSize(bytes int) Option {
	return func(s *settings) { s.maxTokenSize = bytes }
}

// WithScopesFrom sets which claims hold the principal's scopes: "scope" and "scp" by default. A
// claim is a string of scopes separated by spaces, or an array of strings. Dots lead into objects:
//
//	jwtauth.WithScopesFrom("scope", "realm_access.roles", "resource_access.library.roles")
//
// Name only claims that the issuer controls.
func WithScopesFrom(claims ...string) Option {
	return func(s *settings) { s.scopes = slices.Clone(claims) }
}

// WithCache sets how many verified tokens are cached, and for how long at most: 10000 and 5 minutes
// by default. The number is rounded up to a power of two; a token takes the size of its claims and
// about 1 KiB. 0 tokens disable the cache; 1 hour is the longest time.
func WithCache(tokens int, age time.Duration) Option {
	return func(s *settings) { s.cacheTokens, s.cacheAge = tokens, age }
}

// WithRevocation calls revoked for every call with a valid token, cached or not, for example to
// look up [Claims.ID] in a list. If it returns true, the call is rejected with UNAUTHENTICATED,
// TOKEN_REVOKED; if it returns an error, with UNAVAILABLE. It must be fast, and may be called
// concurrently.
func WithRevocation(revoked RevokedFunc) Option {
	return func(s *settings) {
		s.revoked = revoked
		s.noRevocation = revoked == nil
	}
}

// WithLogger sets the logger of events of the keys: changed, not fetched, not usable. The default
// is slog.Default. Tokens are never logged.
func WithLogger(logger *slog.Logger) Option {
	return func(s *settings) { s.logger = logger }
}

// WithHTTPClient sets the client that fetches keys, for example with a private CA. The
// authenticator uses its transport and its timeout, and replaces its rule for redirects: none to
// other hosts.
func WithHTTPClient(client *http.Client) Option {
	return func(s *settings) { s.client = client }
}

// WithPlainHTTP allows http URLs, for an issuer that runs on the same machine in tests. Everyone
// who can change the response can issue tokens.
func WithPlainHTTP() Option {
	return func(s *settings) { s.plainHTTP = true }
}

// WithRefresh sets at which age keys are fetched again: that of the response's Cache-Control,
// within these bounds, 5 minutes and 1 hour by default, and a little earlier. Calls do not wait for
// it.
func WithRefresh(minAge, maxAge time.Duration) Option {
	return func(s *settings) { s.timing.minAge, s.timing.maxAge = minAge, maxAge }
}

// WithMaxStale sets for how long keys are used after the last successful fetch while the issuer
// cannot be reached: 24 hours by default, at least the longest age of [WithRefresh]. After that,
// calls are rejected with UNAVAILABLE.
func WithMaxStale(age time.Duration) Option {
	return func(s *settings) { s.timing.maxStale = age }
}

// WithUnknownKeyInterval sets how often tokens that no key verifies may cause a fetch of the keys:
// once in 10 s by default, at least 1 s. A key that the issuer uses at once, without having
// published it before, may be unknown for this long if bad tokens arrive at that time.
func WithUnknownKeyInterval(interval time.Duration) Option {
	return func(s *settings) { s.timing.coolDown = interval }
}

// WithFetchTimeout sets how long a fetch of the keys may take, discovery included: 5 s by default.
func WithFetchTimeout(timeout time.Duration) Option {
	return func(s *settings) { s.timing.timeout = timeout }
}
