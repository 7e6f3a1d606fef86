package redislimit

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/grpcservice/grpcservice/runtime/server"
)

const (
	// DefaultTimeout is how long a call waits for Redis at most.
	DefaultTimeout = 10 * time.Millisecond
	// DefaultReplicas is the number of replicas whose shares make up a rate while Redis is away. It
	// is the minimum that the manifests of emit=deploy have.
	DefaultReplicas = 3
	// DefaultNamespace is the start of all keys in Redis.
	DefaultNamespace = "ratelimit"
)

const (
	minSecret    = 16
	maxNamespace = 64
)

// Option configures [New].
type Option func(*settings)

type settings struct {
	timeout   time.Duration
	replicas  int
	namespace string
	salt      [sha256.Size]byte
	logger    *slog.Logger
	name      string
	errs      []error
	// maxCallers is [server.MaxRateKeys], and less in tests.
	maxCallers int
}

func newSettings(opts []Option) (*settings, error) {
	s := &settings{
		timeout:   DefaultTimeout,
		replicas:  DefaultReplicas,
		namespace: DefaultNamespace,
		logger:    slog.Default(),

		maxCallers: server.MaxRateKeys,
	}
	for _, opt := range opts {
		opt(s)
	}
	return s, errors.Join(s.errs...)
}

// fail records an option's error, which New returns.
func (s *settings) fail(format string, args ...any) {
	s.errs = append(s.errs, fmt.Errorf("redislimit: "+format, args...))
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

// WithReplicas sets the number of replicas of the service, instead of [DefaultReplicas]. While
// Redis is away, each replica allows one part in n of each rate and burst, at least a burst of 1.
// n must be at least 1. Too small a number allows more than the rate during that time, too large a
// number less.
func WithReplicas(n int) Option {
	return func(s *settings) {
		if n < 1 {
			s.fail("WithReplicas(%d): pass at least 1", n)
			return
		}
		s.replicas = n
	}
}

// WithNamespace sets the start of all keys in Redis, instead of [DefaultNamespace]: at most 64
// letters, digits and the characters ".", "_", "-", ":" and "/". Services that share a Redis need
// not have different namespaces, because keys have the name of the method. Environments that share
// one do.
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

// WithSecret makes the hashes of principals and addresses depend on secret, at least 16 bytes that
// are the same on all replicas. Without it, someone who reads the keys in Redis can test whether a
// known principal or address is among them. Another secret means other keys, and so full bursts.
func WithSecret(secret []byte) Option {
	return func(s *settings) {
		if len(secret) < minSecret {
			s.fail("WithSecret: %d bytes; pass at least %d", len(secret), minSecret)
			return
		}
		s.salt = sha256.Sum256(secret)
	}
}

// WithName names the limiter: the label "name" of its metrics, "" by default. The metrics of limiters
// with the same name are added up.
func WithName(name string) Option { return func(s *settings) { s.name = name } }

// WithLogger sets the logger for the times when Redis is away, instead of slog's default logger at
// the time of [New].
func WithLogger(logger *slog.Logger) Option {
	return func(s *settings) {
		if logger == nil {
			s.fail("WithLogger(nil): pass a logger, or slog.New(slog.DiscardHandler) to disable logging")
			return
		}
		s.logger = logger
	}
}
