package callcreds

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"

	"github.com/grpcservice/grpcservice/runtime/internal/credheader"
	"github.com/grpcservice/grpcservice/runtime/internal/report"
)

// Option configures [Token], [TokenFile], [APIKey], [APIKeyFile] and [OAuth2]. An option that does
// not concern the credentials is an error.
type Option func(*settings)

// kind is what an option may concern.
type kind int

const (
	kindToken kind = iota
	kindKey
	kindOAuth2
)

type settings struct {
	kind      kind
	header    string
	scheme    string // before the secret; "" for none
	plaintext bool
	logger    *slog.Logger
	errs      []error

	// Of OAuth2.
	secret            func() string // nil without one
	inBody            bool
	parameters        url.Values
	transport         http.RoundTripper
	plaintextEndpoint bool
}

func newSettings(k kind, opts []Option) (*settings, error) {
	s := &settings{
		kind: k, header: "authorization", scheme: "Bearer", logger: slog.Default(),
		parameters: url.Values{"grant_type": {"client_credentials"}},
	}
	if k == kindKey {
		s.header, s.scheme = "x-api-key", ""
	}
	for _, opt := range opts {
		opt(s)
	}
	return s, errors.Join(s.errs...)
}

func (s *settings) fail(format string, args ...any) {
	s.errs = append(s.errs, fmt.Errorf(format, args...))
}

// concerns reports whether the credentials are those that an option is for.
func (s *settings) concerns(k kind, option string) bool {
	if s.kind == k {
		return true
	}
	of := map[kind]string{kindKey: "APIKey and APIKeyFile", kindOAuth2: "OAuth2"}
	s.fail("%s: it is an option of %s only", option, of[k])
	return false
}

// headerOf returns the header of calls with a secret.
func (s *settings) headerOf(secret string) map[string]string {
	if s.scheme != "" {
		secret = s.scheme + " " + secret
	}
	return map[string]string{s.header: secret}
}

// WithPlaintext permits connections without TLS: for tests, and where a proxy on the same machine
// encrypts. Everyone on the way can read the credentials then.
func WithPlaintext() Option { return func(s *settings) { s.plaintext = true } }

// WithHeader sends an API key in another header than x-api-key; see apikey.WithHeader.
func WithHeader(name string) Option {
	return func(s *settings) {
		if !s.concerns(kindKey, "WithHeader") {
			return
		}
		name = strings.ToLower(name)
		if err := credheader.CheckName(name); err != nil {
			s.fail("WithHeader(%q): %w", name, err)
		}
		s.header, s.scheme = name, ""
	}
}

// WithScheme sends an API key as "authorization: scheme key"; see apikey.WithScheme.
func WithScheme(scheme string) Option {
	return func(s *settings) {
		if !s.concerns(kindKey, "WithScheme") {
			return
		}
		if err := credheader.CheckScheme(scheme); err != nil {
			s.fail("WithScheme(%q): %w", scheme, err)
		}
		s.header, s.scheme = "authorization", scheme
	}
}

// WithLogger sets the logger of files and tokens that cannot be read or refreshed, instead of
// slog's default logger at the time that the credentials are made.
func WithLogger(logger *slog.Logger) Option {
	return func(s *settings) {
		if logger == nil {
			s.fail("WithLogger(nil): pass a logger")
			return
		}
		s.logger = logger
	}
}

// notify returns a function that logs changes of a file.
func (s *settings) notify(what, path string) func(error) {
	logger := s.logger
	return func(err error) {
		report.Log(func() {
			if err != nil {
				logger.Error(what+" not read; the previous ones are used", slog.Any("error", err))
				return
			}
			logger.Info(what+" read", slog.String("file", path))
		})
	}
}
