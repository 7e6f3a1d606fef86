package apikey

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/grpcservice/grpcservice/runtime/internal/report"
)

// DefaultHeader is the header of a call that has its key.
const DefaultHeader = "x-api-key"

// Option configures [New] and [Open].
type Option func(*settings)

type settings struct {
	header string
	scheme string // "" if the header has nothing but the key
	logger *slog.Logger
	errs   []error
}

func newSettings(opts []Option) (settings, error) {
	s := settings{header: DefaultHeader, logger: slog.Default()}
	for _, opt := range opts {
		opt(&s)
	}
	return s, errors.Join(s.errs...)
}

// WithHeader reads keys from another header than [DefaultHeader]. A header whose name ends in -bin
// has bytes and not text, and cannot have a key.
func WithHeader(name string) Option {
	return func(s *settings) {
		name = strings.ToLower(name)
		if err := checkHeader(name); err != nil {
			s.errs = append(s.errs, fmt.Errorf("WithHeader(%q): %w", name, err))
		}
		s.header, s.scheme = name, ""
	}
}

// WithScheme reads keys from the authorization header with a scheme, as in "authorization: ApiKey
// …" for WithScheme("ApiKey"), for proxies that forward only that header. Other schemes are left to
// the next authenticator. A call can then not have a key and a token.
func WithScheme(scheme string) Option {
	return func(s *settings) {
		if scheme == "" || strings.ContainsFunc(scheme, func(r rune) bool { return !isTokenChar(r) }) {
			s.errs = append(s.errs, fmt.Errorf(`WithScheme(%q): a scheme is one word, such as "ApiKey"`, scheme))
		}
		s.header, s.scheme = "authorization", scheme
	}
}

// WithLogger sets the logger of changes of the file, instead of slog's default logger at the time
// of [Open].
func WithLogger(logger *slog.Logger) Option {
	return func(s *settings) {
		if logger == nil {
			s.errs = append(s.errs, errors.New("WithLogger(nil): pass a logger"))
			return
		}
		s.logger = logger
	}
}

// checkHeader returns why keys cannot be in a header.
func checkHeader(name string) error {
	switch {
	case name == "" || strings.ContainsFunc(name, func(r rune) bool { return !isHeaderChar(r) }):
		return errors.New("a name has letters, digits, dots, dashes and underscores")
	case strings.HasSuffix(name, "-bin"):
		return errors.New("the values of -bin headers are bytes; keys are text")
	case strings.HasPrefix(name, "grpc-"), name == "content-type", name == "user-agent", name == "te":
		return errors.New("gRPC uses this header itself")
	}
	return nil
}

func isHeaderChar(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '.' || r == '-' || r == '_'
}

func isTokenChar(r rune) bool { return r > ' ' && r < 0x7f && r != ',' && r != '"' }

// notify returns a function that logs changes of the file.
func (s *settings) notify(path string) func(error) {
	logger := s.logger
	return func(err error) {
		report.Log(func() {
			if err != nil {
				logger.Error("API keys not read; the previous ones stay valid", slog.Any("error", err))
				return
			}
			logger.Info("API keys read", slog.String("file", path))
		})
	}
}
