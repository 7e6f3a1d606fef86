package redisidem

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/grpcservice/grpcservice/runtime/idempotency"
)

const (
	// DefaultTimeout is how long a call waits for Redis at most.
	DefaultTimeout = time.Second
	// DefaultNamespace is the namespace of all keys in Redis.
	DefaultNamespace = "idempotency"
)

const (
	minSecret    = 16
	maxNamespace = 64
	minBytes     = 64 << 10
	maxBytes     = 16 << 30
)

// Option configures [New].
type Option func(*settings)

type settings struct {
	timeout   time.Duration
	maxBytes  int
	namespace string
	salt      [sha256.Size]byte
	errs      []error
}

func newSettings(opts []Option) (settings, error) {
	s := settings{timeout: DefaultTimeout, maxBytes: idempotency.DefaultMaxBytes, namespace: DefaultNamespace}
	for _, opt := range opts {
		opt(&s)
	}
	return s, errors.Join(s.errs...)
}

// fail records an option's error, which New returns.
func (s *settings) fail(format string, args ...any) {
	s.errs = append(s.errs, fmt.Errorf("redisidem: "+format, args...))
}

// WithTimeout sets how long a call waits for Redis at most, instead of [DefaultTimeout]. d must be
// between 1 ms and 10 s. If Redis has not replied then, it counts as away.
func WithTimeout(d time.Duration) Option {
	return func(s *settings) {
		if d < time.Millisecond || d > 10*time.Second {
			s.fail("WithTimeout(%v): pass a duration between 1ms and 10s", d)
			return
		}
		s.timeout = d
	}
}

// WithMaxBytes sets the maximum size of the entries in bytes, instead of
// [idempotency.DefaultMaxBytes]: responses, and a kilobyte for each entry. n must be between 64 KiB
// and 16 GiB. All replicas must have the same. The memory of Redis must be larger, by what else it
// has.
func WithMaxBytes(n int) Option {
	return func(s *settings) {
		if n < minBytes || n > maxBytes {
			s.fail("WithMaxBytes(%d): pass a number between %d and %d", n, minBytes, maxBytes)
			return
		}
		s.maxBytes = n
	}
}

// WithNamespace sets the namespace of all keys in Redis, instead of [DefaultNamespace]: at most 64
// letters, digits and the characters ".", "_", "-", ":" and "/". Services that share a Redis need
// not have different namespaces, because keys depend on the name of the method, but then they share
// the bytes of one store. Environments that share a Redis need different ones.
func WithNamespace(namespace string) Option {
	return func(s *settings) {
		switch {
		case namespace == "":
			s.fail("WithNamespace(%q): it is empty; leave the option out for %q", namespace, DefaultNamespace)
		case len(namespace) > maxNamespace:
			s.fail("WithNamespace: %d bytes; pass at most %d", len(namespace), maxNamespace)
		case strings.ContainsFunc(namespace, notInNamespace):
			s.fail(`WithNamespace(%q): use only letters, digits and ".", "_", "-", ":", "/"`, namespace)
		default:
			s.namespace = namespace
		}
	}
}

// notInNamespace reports whether r may not be in a namespace. Braces would change which part of a
// key selects its slot in a cluster.
func notInNamespace(r rune) bool {
	switch {
	case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9':
		return false
	}
	return !strings.ContainsRune("._-:/", r)
}

// WithSecret makes the hashes of principals and keys depend on secret, at least 16 bytes that are
// the same on all replicas. Without it, someone who reads Redis can test whether a known principal
// has used a known key. Another secret means another store.
func WithSecret(secret []byte) Option {
	return func(s *settings) {
		if len(secret) < minSecret {
			s.fail("WithSecret: %d bytes; pass at least %d", len(secret), minSecret)
			return
		}
		s.salt = sha256.Sum256(secret)
	}
}
