package operation

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"
)

// Option configures a [Manager].
type Option func(*config)

// config is what the options of one manager add up to.
type config struct {
	logger           *slog.Logger
	workers          int
	poll             time.Duration
	prefix           string
	authorize        func(context.Context, *Record) error
	startOnly        bool
	maxMessage       int
	backoff, longest time.Duration
	inject           func(context.Context) map[string]string
	extract          func(context.Context, map[string]string) context.Context
	errs             []error
}

// Defaults of the options.
const (
	// DefaultWorkers is how many operations a manager works on at a time.
	DefaultWorkers = 16
	// DefaultPoll is how often a manager looks for what other processes have started or given back, and whether they have ended
	// what it waits for.
	DefaultPoll = time.Second
	// DefaultNamePrefix is what names of operations begin with.
	DefaultNamePrefix = "operations"
	// DefaultMaxMessageBytes is how many bytes the message of an operation has at most: 4 MiB is what grpc's clients take
	// unless they are told otherwise, and the rest is for what an answer has around it.
	DefaultMaxMessageBytes = 4<<20 - 4<<10
)

func newConfig(opts []Option) config {
	c := config{
		logger:     slog.Default(),
		workers:    DefaultWorkers,
		poll:       DefaultPoll,
		prefix:     DefaultNamePrefix,
		backoff:    time.Second,
		longest:    time.Minute,
		maxMessage: DefaultMaxMessageBytes,
		inject:     traceHeaders,
		extract:    withTraceHeaders,
	}
	for _, opt := range opts {
		opt(&c)
	}
	return c
}

// fail keeps an option's error for Run to return.
func (c *config) fail(format string, args ...any) {
	c.errs = append(c.errs, fmt.Errorf(format, args...))
}

func (c *config) misuse() error { return errors.Join(c.errs...) }

// Workers sets how many operations the manager works on at a time, in place of [DefaultWorkers].
func WithWorkers(n int) Option {
	return func(c *config) {
		if n < 1 {
			c.fail("operation.WithWorkers(%d): there must be one at least; StartOnly has none", n)
			return
		}
		c.workers = n
	}
}

// Poll sets how often the manager asks the store what other processes have done, in place of [DefaultPoll]. What this process
// does, and what the store tells by itself, is noticed at once.
func WithPollInterval(every time.Duration) Option {
	return func(c *config) {
		if every <= 0 {
			c.fail("operation.WithPollInterval(%v): the time must be above 0", every)
			return
		}
		c.poll = every
	}
}

// Logger sets where the manager logs how attempts at operations end, in place of slog's default logger at the time of
// [NewManager].
func WithLogger(logger *slog.Logger) Option {
	return func(c *config) {
		if logger == nil {
			c.fail("operation.WithLogger(nil): pass a logger; slog.New(slog.DiscardHandler) writes nothing")
			return
		}
		c.logger = logger
	}
}

// NamePrefix sets what the names of operations begin with, in place of [DefaultNamePrefix]: a resource collection without slashes
// at its ends, such as "services/batch/operations".
func WithNamePrefix(prefix string) Option {
	return func(c *config) {
		if prefix == "" || prefix != strings.Trim(prefix, "/") {
			c.fail("operation.WithNamePrefix(%q): pass a path without slashes at its ends", prefix)
			return
		}
		c.prefix = prefix
	}
}

// Authorize says who may see, cancel, delete and wait for an operation, in place of the rule that it is for the principal only who
// started it. Whom may refuses, by any error, is told that there is no such operation; the error is for the log.
func WithAuthorizer(may func(ctx context.Context, op *Record) error) Option {
	return func(c *config) { c.authorize = may }
}

// minMaxMessageBytes leaves room for the longest error.
const minMaxMessageBytes = 32 << 10

// MaxMessageBytes sets how many bytes the message of an operation has at most, in place of [DefaultMaxMessageBytes], so that
// clients can receive it. Metadata may take half of it. An operation whose work saves or returns more ends with
// RESOURCE_EXHAUSTED, reason OPERATION_TOO_LARGE; of failures that [Run.Failed] has noted, the details are dropped before.
func WithMaxMessageBytes(n int) Option {
	return func(c *config) {
		if n < minMaxMessageBytes {
			c.fail("operation.WithMaxMessageBytes(%d): pass %d at least", n, minMaxMessageBytes)
			return
		}
		c.maxMessage = n
	}
}

// StartOnly makes a manager that works on nothing, because other processes do: RPCs without a handler here can be started.
func WithStartOnly() Option { return func(c *config) { c.startOnly = true } }

// Backoff sets how long an operation waits before it is begun again after a panic or [TryAgain], in place of a second and a
// minute: first is the wait after the first attempt, which doubles with each more, up to longest. Half of a wait is random.
func WithBackoff(first, longest time.Duration) Option {
	return func(c *config) {
		if first <= 0 || longest < first {
			c.fail("operation.WithBackoff(%v, %v): pass a time above 0, and one that is as long at least", first, longest)
			return
		}
		c.backoff, c.longest = first, longest
	}
}

// Propagate sets what work takes along from the call that started it, to whichever process it runs in: inject returns it as text
// when the operation is started, extract makes it part of the work's context. The default are the headers traceparent and
// tracestate. The caller and the request ID are taken along in any case; see [runtime.OriginOf].
func WithPropagation(inject func(context.Context) map[string]string, extract func(context.Context, map[string]string) context.Context) Option {
	return func(c *config) {
		if inject == nil || extract == nil {
			c.fail("operation.WithPropagation: pass two functions")
			return
		}
		c.inject, c.extract = inject, extract
	}
}
