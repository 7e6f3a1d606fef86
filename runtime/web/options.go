package web

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/grpcservice/grpcservice/runtime/server"
)

// Option configures [Serve], [ServeAlone] and [New].
type Option func(*settings)

// settings holds the options.
type settings struct {
	origins     map[string]bool // that pages may have; "*" for all
	cookies     bool
	maxRequest  int
	maxResponse int
	tls         *tls.Config // instead of the server's
	plain       bool        // whatever the server has
	fallback    http.Handler
	errs        []error
}

func newSettings(opts []Option) (*settings, error) {
	s := &settings{maxRequest: server.MaxRecvMsgSize, maxResponse: server.MaxSendMsgSize}
	for _, opt := range opts {
		opt(s)
	}
	if s.cookies && s.origins["*"] {
		s.fail(`WithCookies: pages of every origin could act for their visitors; list the origins instead of "*"`)
	}
	if s.tls != nil && s.plain {
		s.fail("WithTLS and WithoutTLS are mutually exclusive; choose one")
	}
	return s, errors.Join(s.errs...)
}

func (s *settings) fail(format string, args ...any) {
	s.errs = append(s.errs, fmt.Errorf("web."+format, args...))
}

// WithOrigins names the origins of pages that may call the methods from a browser, such as
// "https://shop.example.com" or "http://localhost:3000": CORS. "*" is every origin. Pages of the
// same origin as the address itself need no option. Requests from other pages that could change
// anything are rejected with PERMISSION_DENIED, reason ORIGIN_NOT_ALLOWED.
func WithOrigins(origins ...string) Option {
	return func(s *settings) {
		if s.origins == nil {
			s.origins = make(map[string]bool)
		}
		for _, origin := range origins {
			if err := checkOrigin(origin); err != nil {
				s.fail("WithOrigins(%q): %w", origin, err)
			}
			s.origins[origin] = true
		}
	}
}

// checkOrigin returns why a text is not an origin as browsers send it.
func checkOrigin(origin string) error {
	if origin == "*" {
		return nil
	}
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" || u.Scheme+"://"+u.Host != origin {
		return errors.New(`it is no origin; write the scheme and the host, such as "https://shop.example.com", or "*"`)
	}
	return nil
}

// WithCookies lets pages of [WithOrigins] send cookies and client certificates. Tokens in the
// header authorization need no option.
func WithCookies() Option { return func(s *settings) { s.cookies = true } }

// WithMaxRequestBytes sets the size of the largest request in bytes, after decompression, instead
// of [server.MaxRecvMsgSize]. Larger ones are rejected with RESOURCE_EXHAUSTED, reason
// REQUEST_TOO_LARGE.
func WithMaxRequestBytes(bytes int) Option {
	return func(s *settings) { s.limit("WithMaxRequestBytes", bytes, &s.maxRequest) }
}

// WithMaxResponseBytes sets the size of the largest response in bytes, instead of
// [server.MaxSendMsgSize]. A call with a larger one fails with RESOURCE_EXHAUSTED.
func WithMaxResponseBytes(bytes int) Option {
	return func(s *settings) { s.limit("WithMaxResponseBytes", bytes, &s.maxResponse) }
}

func (s *settings) limit(option string, bytes int, limit *int) {
	if bytes <= 0 {
		s.fail("%s(%d): a size must be positive", option, bytes)
		return
	}
	*limit = bytes
}

// WithTLS serves TLS with config, instead of that of server.WithTLSFiles or server.WithTLS. It is
// required if the server has credentials of its own (server.WithCredentials), and if it gets them by
// server.WithGRPCOptions. [New] ignores it.
func WithTLS(config *tls.Config) Option {
	return func(s *settings) {
		if config == nil {
			s.fail("WithTLS(nil): pass a configuration; WithoutTLS serves plain text")
			return
		}
		s.tls = config
	}
}

// WithoutTLS serves plain text although the server has TLS: behind a proxy that terminates TLS.
// [New] ignores it.
func WithoutTLS() Option { return func(s *settings) { s.plain = true } }

// WithFallback serves the paths that belong to no service of the server by handler, for example a
// page and its files, or REST. Without it, they are not found.
//
// The same guards surround it: the origins of [WithOrigins], the limits of headers and, for the
// whole body, of [WithMaxRequestBytes]; a body must arrive within 30 seconds. A request without a
// body may last, and handler may take over its connection. It runs outside the pipeline, so policies
// and bounds of calls do not apply. A shutdown waits for its requests as for calls.
func WithFallback(handler http.Handler) Option {
	return func(s *settings) {
		if handler == nil {
			s.fail("WithFallback(nil): pass a handler, or omit the option")
		}
		s.fallback = handler
	}
}
