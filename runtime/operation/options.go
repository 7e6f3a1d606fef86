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

// config holds the options of one manager.
type config struct {
	logger           *slog.Logger
	workers          int
	poll             time.Duration
	prefix           string
	authorize        func(context.Context, *Record) error
	startOnly        bool
	unhandled        []string                                           // RPCs whose operations others run: "library.v1.Books/Print" or ".../*"
	onPanic          func(ctx context.Context, value any, stack []byte) // nil without one
	maxMessage       int
	backoff, longest time.Duration
	inject           func(context.Context) map[string]string
	extract          func(context.Context, map[string]string) context.Context
	tracer           Tracer // nil without one
	name             string
	errs             []error
}

// Defaults of the options.
const (
	// DefaultWorkers is the default number of operations that a manager runs at a time.
	DefaultWorkers = 16
	// DefaultPoll is the default interval at which a manager polls the store for operations that
	// other processes have started, released or ended. It is five times as long for a [Notifier].
	DefaultPoll = time.Second
	// DefaultNamePrefix is the default prefix of operation names.
	DefaultNamePrefix = "operations"
	// DefaultMaxMessageBytes is the default maximum size of an operation message: the 4 MiB that
	// gRPC clients accept by default, minus room for the rest of a response.
	DefaultMaxMessageBytes = 4<<20 - 4<<10
)

func newConfig(opts []Option) config {
	c := config{
		logger:     slog.Default(),
		workers:    DefaultWorkers,
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

// fail records an option's error, which Run returns.
func (c *config) fail(format string, args ...any) {
	c.errs = append(c.errs, fmt.Errorf(format, args...))
}

func (c *config) misuse() error { return errors.Join(c.errs...) }

// WithWorkers sets how many operations the manager runs at a time, instead of [DefaultWorkers]. n
// must be at least 1; see [WithStartOnly] for none.
func WithWorkers(n int) Option {
	return func(c *config) {
		if n < 1 {
			c.fail("operation.WithWorkers(%d): pass at least 1, or use WithStartOnly", n)
			return
		}
		c.workers = n
	}
}

// WithPollInterval sets how often the manager polls the store for changes by other processes,
// instead of [DefaultPoll]. Changes by this process, and those that the store reports itself, are
// noticed at once.
func WithPollInterval(every time.Duration) Option {
	return func(c *config) {
		if every <= 0 {
			c.fail("operation.WithPollInterval(%v): pass an interval above 0", every)
			return
		}
		c.poll = every
	}
}

// WithLogger sets the logger for the ends of attempts, instead of slog's default logger at the
// time of [NewManager].
func WithLogger(logger *slog.Logger) Option {
	return func(c *config) {
		if logger == nil {
			c.fail("operation.WithLogger(nil): pass a logger, or slog.New(slog.DiscardHandler) to disable logging")
			return
		}
		c.logger = logger
	}
}

// WithNamePrefix sets the prefix of operation names, instead of [DefaultNamePrefix]: a resource
// collection without leading or trailing slashes, such as "services/batch/operations".
func WithNamePrefix(prefix string) Option {
	return func(c *config) {
		if prefix == "" || prefix != strings.Trim(prefix, "/") {
			c.fail("operation.WithNamePrefix(%q): pass a path without leading or trailing slashes", prefix)
			return
		}
		c.prefix = prefix
	}
}

// WithAuthorizer sets the function that decides which callers may see, cancel, delete and wait
// for an operation. The default allows only the principal that started it. If may returns an
// error, the caller receives NOT_FOUND, as if there were no such operation; the error is logged
// only.
func WithAuthorizer(may func(ctx context.Context, op *Record) error) Option {
	return func(c *config) { c.authorize = may }
}

// minMaxMessageBytes leaves room for the largest error.
const minMaxMessageBytes = 32 << 10

// WithMaxMessageBytes sets the maximum size of an operation message, instead of
// [DefaultMaxMessageBytes], so that clients can receive it. Metadata can take up to half of it.
// If the work saves or returns more, the operation ends with RESOURCE_EXHAUSTED, reason
// OPERATION_TOO_LARGE; before that, the details of failures recorded by [Run.Failed] are dropped.
func WithMaxMessageBytes(n int) Option {
	return func(c *config) {
		if n < minMaxMessageBytes {
			c.fail("operation.WithMaxMessageBytes(%d): pass at least %d", n, minMaxMessageBytes)
			return
		}
		c.maxMessage = n
	}
}

// WithStartOnly makes the manager only start operations, because other processes run them. RPCs
// without a handler here can be started. See [WithUnhandled] for single RPCs.
func WithStartOnly() Option { return func(c *config) { c.startOnly = true } }

// WithUnhandled names RPCs on the manager's server that start operations elsewhere, such as with
// another manager or in another service: "shop.v1.BatchJobService/ProcessBatch", or
// "shop.v1.BatchJobService/*" for all of a service. The manager needs no handler for them; see
// [Register].
func WithUnhandled(rpcs ...string) Option {
	return func(c *config) {
		for _, rpc := range rpcs {
			if service, method, ok := strings.Cut(rpc, "/"); !ok || service == "" || method == "" {
				c.fail("operation.WithUnhandled(%q): pass a service and a method, as in %q", rpc,
					"shop.v1.BatchJobService/ProcessBatch")
				return
			}
		}
		c.unhandled = append(c.unhandled, rpcs...)
	}
}

// WithBackoff sets the wait before an operation is retried after a panic or [TryAgain]: first
// after the first attempt, doubling with each attempt up to longest, instead of one second and
// one minute. Half of each wait is random.
func WithBackoff(first, longest time.Duration) Option {
	return func(c *config) {
		if first <= 0 || longest < first {
			c.fail("operation.WithBackoff(%v, %v): pass a first wait above 0 and a longest wait that is not shorter", first, longest)
			return
		}
		c.backoff, c.longest = first, longest
	}
}

// WithPropagation sets what work inherits from the call that started it, in whichever process it
// runs: inject encodes it as text when the operation starts, and extract adds it to the work's
// context. The default is the headers traceparent and tracestate. The principal and the request
// ID are always inherited; see [runtime.OriginOf].
func WithPropagation(inject func(context.Context) map[string]string, extract func(context.Context, map[string]string) context.Context) Option {
	return func(c *config) {
		if inject == nil || extract == nil {
			c.fail("operation.WithPropagation: a function is nil; pass two functions")
			return
		}
		c.inject, c.extract = inject, extract
	}
}

// WithName names the manager: the label "name" of its metrics, "" by default. A process with
// several managers gives each another name; the metrics of managers with the same name are added
// up.
func WithName(name string) Option { return func(c *config) { c.name = name } }

// Names of log attributes.
const (
	logOperation = "operation"
	logMethod    = "method"
	logAttempt   = "attempt"
)
