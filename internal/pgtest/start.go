//go:build unix

package pgtest

import (
	"errors"
	"os"
	"testing"
)

// Start starts a server that ends with the test. Without PostgreSQL it skips the test; if the
// variable CI is "true", it fails it.
func Start(tb testing.TB, opts ...Option) *Server {
	tb.Helper()
	s, err := Run(tb.Context(), opts...)
	switch {
	case errors.Is(err, ErrNotInstalled) && os.Getenv("CI") != "true":
		tb.Skip(err)
	case err != nil:
		tb.Fatal(err)
	}
	tb.Cleanup(s.Close)
	return s
}

// Database creates an empty database and returns its connection string.
func (s *Server) Database(tb testing.TB) string {
	tb.Helper()
	url, err := s.CreateDatabase(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	return url
}
