package server

import (
	"log/slog"
	"time"

	"google.golang.org/grpc"

	"github.com/grpcservice/grpcservice/runtime/seal"
)

// WithLogger sets the logger of the server: a record for each call, panics, start and stop. The
// default is slog's default logger at the time of [New].
func WithLogger(logger *slog.Logger) Option {
	return func(c *settings) {
		if logger == nil {
			c.fail("WithLogger(nil): pass a logger; slog.New(slog.DiscardHandler) writes nothing")
			return
		}
		c.logger = logger
	}
}

// WithOptions is opts as one option: for packages whose option stands for several of a server.
func WithOptions(opts ...Option) Option {
	return func(c *settings) {
		for _, opt := range opts {
			opt(c)
		}
	}
}

// WithError makes [Server.Run] and [Server.Serve] return err, and [On] panic: for packages whose
// option is used in a wrong way.
func WithError(err error) Option {
	return func(c *settings) { c.errs = append(c.errs, err) }
}

// WithDefaultTimeout sets the deadline of unary calls whose client sent none, instead of
// [DefaultTimeout]; 0 sets none.
func WithDefaultTimeout(timeout time.Duration) Option {
	return func(c *settings) {
		if timeout < 0 {
			c.fail("WithDefaultTimeout(%v): a timeout cannot be negative; pass 0 for none", timeout)
		}
		c.timeout = timeout
	}
}

// WithDrainDelay sets how long a stopping server accepts calls, instead of [DefaultDrainDelay].
// SIGINT skips the delay.
func WithDrainDelay(delay time.Duration) Option {
	return func(c *settings) {
		if delay < 0 {
			c.fail("WithDrainDelay(%v): a delay cannot be negative; pass 0 for none", delay)
		}
		c.drainDelay = delay
	}
}

// WithShutdownTimeout sets how long running calls may take after the drain delay, instead of
// [DefaultShutdownTimeout]. Then their contexts are canceled.
func WithShutdownTimeout(timeout time.Duration) Option {
	return func(c *settings) {
		if timeout < 0 {
			c.fail("WithShutdownTimeout(%v): a timeout cannot be negative; pass 0 to cancel calls at once", timeout)
		}
		c.shutdownTimeout = timeout
	}
}

// WithSendTimeout sets how long a stream may wait for its client to read, instead of
// [DefaultSendTimeout]; 0 sets no limit. A stream in which a message cannot be sent for that long
// ends with RESOURCE_EXHAUSTED, reason SLOW_CONSUMER: the context of its method is canceled, and
// sending fails. A stream in which nothing is sent is not affected. The response of a finished call
// of which the client reads nothing is dropped after at most twice that time.
//
// The stream is reset without what its client has not read, so that a shutdown does not wait for
// it. The client receives the code of the reset, which its library maps to RESOURCE_EXHAUSTED, and
// the log has the reason. With [On] and a grpc.Server made without [GRPCOptions], the status waits
// behind the unread messages instead, and so does the GracefulStop of that server.
func WithSendTimeout(timeout time.Duration) Option {
	return func(c *settings) {
		if timeout < 0 {
			c.fail("WithSendTimeout(%v): a timeout cannot be negative; pass 0 for none", timeout)
		}
		c.sendTimeout = timeout
	}
}

// WithMaxCalls sets how many calls the server runs at a time, instead of [DefaultMaxCalls]; 0 sets
// no bound. A call counts from the arrival of its headers until its method has returned and its
// response is written, even if its client does not read. Further calls are rejected with
// UNAVAILABLE, reason OVERLOADED, before authentication. Health checks are admitted up to ten
// percent beyond the bound.
//
// On a server of [On], a call counts while its method runs; what the transport holds counts only
// if the server was made with [GRPCOptions].
func WithMaxCalls(calls int) Option {
	return func(c *settings) { c.limit("WithMaxCalls", calls, &c.limits.Calls) }
}

// WithMaxCallsPerPeer sets how many of the calls of [WithMaxCalls] come from one address, instead
// of [DefaultMaxCallsPerPeer]; 0 sets no bound. An IPv6 address counts by its /64, and a proxy
// with all its callers, unless [WithTrustedProxies] or [WithProxyProtocol] names it. Further calls
// are rejected with RESOURCE_EXHAUSTED, reason TOO_MANY_CALLS.
func WithMaxCallsPerPeer(calls int) Option {
	return func(c *settings) { c.limit("WithMaxCallsPerPeer", calls, &c.limits.CallsPerPeer) }
}

// WithMaxConnections sets how many connections the server has at a time, instead of
// [DefaultMaxConnections]; 0 sets no bound. Further ones are closed before their handshake. On a
// server of [On] it requires [GRPCOptions].
func WithMaxConnections(connections int) Option {
	return func(c *settings) { c.limit("WithMaxConnections", connections, &c.limits.Connections) }
}

// WithMaxConnectionsPerPeer sets how many of the connections of [WithMaxConnections] come from one
// address, instead of [DefaultMaxConnectionsPerPeer]; 0 sets no bound. A proxy counts as one
// address, unless [WithProxyProtocol] names it.
func WithMaxConnectionsPerPeer(connections int) Option {
	return func(c *settings) {
		c.limit("WithMaxConnectionsPerPeer", connections, &c.limits.ConnectionsPerPeer)
	}
}

// WithMaxConnectionAge sets the age, ± 10%, at which the server asks clients to reconnect, instead
// of [MaxConnectionAge]; 0 keeps connections. A client that balances calls resolves the name again
// when it reconnects, so the age bounds how long a new server waits for its first call. Calls
// continue for the grace of [WithMaxConnectionAgeGrace]; longer streams are cut.
func WithMaxConnectionAge(age time.Duration) Option {
	return func(c *settings) {
		if age < 0 {
			c.fail("WithMaxConnectionAge(%v): an age cannot be negative; pass 0 to keep connections", age)
		}
		c.connectionAge = age
	}
}

// WithMaxConnectionAgeGrace sets how long the calls of an aged connection may continue, instead of
// [MaxConnectionAgeGrace]; 0 sets no bound. Streams that take longer are cut and reconnect.
func WithMaxConnectionAgeGrace(grace time.Duration) Option {
	return func(c *settings) {
		if grace < 0 {
			c.fail("WithMaxConnectionAgeGrace(%v): a grace cannot be negative; pass 0 for no bound", grace)
		}
		c.ageGrace = grace
	}
}

// WithStreamWorkers sets how many goroutines the server keeps for calls, instead of
// [StreamWorkers]; 0 starts a goroutine for each call. Calls beyond them have a goroutine each, too,
// so that no call waits. An idle goroutine costs a few KiB.
func WithStreamWorkers(workers int) Option {
	return func(c *settings) { c.limit("WithStreamWorkers", workers, &c.workers) }
}

// WithPolicy overrides the policies of methods when the server starts, for example from its
// configuration. config is a JSON object. Its keys are full names of methods
// ("library.v1.BookService/GetBook") or of services with a star ("library.v1.BookService/*"); its
// values are grpcservice.v1.Policy messages.
//
//	server.WithPolicy([]byte(`{"library.v1.BookService/GetBook": {"rate": [{"perSecond": 100}]}}`))
//
// A method's entry takes precedence over its service's, and both over the proto. Entries are
// validated as options in a proto are; [Server.Run] returns what is wrong, such as an unknown
// method. An entry for a service applies to each of its methods as far as it fits: a default
// timeout does not affect streams.
//
// "validation": {"skip": false} reverts a skip of the proto, for methods whose proto is linked
// into the program.
func WithPolicy(config []byte) Option {
	return func(c *settings) {
		if err := c.overrides.Read(config); err != nil {
			c.errs = append(c.errs, err)
		}
	}
}

// WithTokenKeys makes the server seal page tokens with the first key and open them with any key,
// so that keys can be rotated; see [seal.Ring]. All replicas of a service need the same keys, from
// its configuration:
//
//	keys, err := seal.ParseKeys(os.Getenv("TOKEN_KEYS")) // openssl rand -base64 32
//	…
//	srv := server.New(server.WithTokenKeys(keys...))
//
// Without it, tokens are sealed with a random key of the process: they are lost with it, and other
// replicas reject them. A server with paged methods then logs a warning when it starts.
func WithTokenKeys(keys ...seal.Key) Option {
	return func(c *settings) {
		ring, err := seal.NewRing(keys...)
		if err != nil {
			c.fail("WithTokenKeys: %w", err)
			return
		}
		c.tokens = ring
	}
}

// WithUnaryInterceptors adds interceptors that run inside the pipeline, around the method, the
// first one outermost. Unlike those of [WithGRPCOptions], they find the call in their context.
func WithUnaryInterceptors(interceptors ...grpc.UnaryServerInterceptor) Option {
	return func(c *settings) { c.unary = append(c.unary, interceptors...) }
}

// WithStreamInterceptors adds interceptors that run inside the pipeline, around the method, the
// first one outermost. Unlike those of [WithGRPCOptions], they find the call in their context.
func WithStreamInterceptors(interceptors ...grpc.StreamServerInterceptor) Option {
	return func(c *settings) { c.stream = append(c.stream, interceptors...) }
}

// WithPanicHandler sets a function that is called for each panic that the server recovers.
func WithPanicHandler(handler PanicHandler) Option {
	return func(c *settings) { c.onPanic = handler }
}

// WithReflection serves the reflection service, which grpcurl and similar tools use. It is off by
// default, because it lists all services to everyone who can connect.
func WithReflection() Option {
	return func(c *settings) { c.reflection = true }
}

// WithGRPCOptions passes options to grpc after the runtime's own, which they override.
//
// Interceptors among them run outside the pipeline, for all kinds of RPC: they see every call,
// including rejected ones, with the status that the caller receives. With unary interceptors among
// them, requests are decoded before the pipeline starts, because grpc passes the request to the
// interceptor. The interceptors of [WithUnaryInterceptors] and [WithStreamInterceptors] run around
// the method.
func WithGRPCOptions(opts ...grpc.ServerOption) Option {
	return func(c *settings) { c.grpc = append(c.grpc, opts...) }
}

// WithResponseCompression sets which responses the server compresses and their minimum size in
// bytes, instead of [CompressAsked] and [CompressionThreshold]. Smaller responses, and responses
// to callers that do not accept the compressor, are sent uncompressed. [CompressAsked] with 0
// compresses every response to a compressed request, as grpc alone does.
func WithResponseCompression(whose ResponseCompression, minBytes int) Option {
	return func(c *settings) {
		if whose < CompressAsked || whose > CompressNever {
			c.fail("WithResponseCompression(%d, %d): unknown choice of callers; pass CompressAsked, CompressAccepted or CompressNever", whose, minBytes)
		}
		if minBytes < 0 {
			c.fail("WithResponseCompression(%d, %d): a size cannot be negative; pass 0 to compress every response", whose, minBytes)
		}
		c.compression = compressor{whose, minBytes}
	}
}
