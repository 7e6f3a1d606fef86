package apikey

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/grpcservice/grpcservice/runtime/internal/credheader"
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
		if err := credheader.CheckName(name); err != nil {
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
		if err := credheader.CheckScheme(scheme); err != nil {
			s.errs = append(s.errs, fmt.Errorf("WithScheme(%q): %w", scheme, err))
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
