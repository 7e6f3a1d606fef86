package mcp

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc/metadata"

	"github.com/grpcservice/grpcservice/runtime/internal/credheader"
)

// The default limits.
const (
	// DefaultMaxRequestBytes is the maximum size of an HTTP request.
	DefaultMaxRequestBytes = 1 << 20
	// DefaultMaxResultBytes is the maximum size of a result, as JSON.
	DefaultMaxResultBytes = 128 << 10
	// DefaultMaxMessages is the maximum number of messages that are read of a stream.
	DefaultMaxMessages = 100
	// DefaultMaxStreamTime is the maximum time that a stream is read.
	DefaultMaxStreamTime = 10 * time.Second
	// DefaultMaxOperationWait is the maximum time that a call waits for a long-running operation.
	// Many agents give up after a minute.
	DefaultMaxOperationWait = 45 * time.Second
	// DefaultMaxRequests is the maximum number of HTTP requests that are served at a time.
	DefaultMaxRequests = 512
)

// Option configures [New] and [Serve].
type Option func(*config)

// config is what the options set.
type config struct {
	name, version, instructions string

	headers  []string // in lower case
	metadata metadata.MD
	origins  []string

	maxRequestBytes  int64
	maxResultBytes   int
	maxMessages      int
	maxStreamTime    time.Duration
	maxOperationWait time.Duration
	maxRequests      int

	errs []error
}

// forwarded are the headers that are metadata of each call without [WithHeaders]: credentials, the
// identifiers of requests and traces, and what trusted proxies state.
var forwarded = []string{"authorization", "x-request-id", "traceparent", "tracestate", "x-forwarded-for"}

// newConfig applies options.
func newConfig(opts []Option) *config {
	c := &config{
		headers:         slices.Clone(forwarded),
		maxRequestBytes: DefaultMaxRequestBytes, maxResultBytes: DefaultMaxResultBytes,
		maxMessages: DefaultMaxMessages, maxStreamTime: DefaultMaxStreamTime,
		maxOperationWait: DefaultMaxOperationWait, maxRequests: DefaultMaxRequests,
	}
	c.name, c.version = programName()
	for _, opt := range opts {
		opt(c)
	}
	return c
}

func (c *config) fail(format string, args ...any) {
	c.errs = append(c.errs, fmt.Errorf(format, args...))
}

// WithImplementation sets the name and the version that agents see. The default is the name of the
// program's module, and its version.
func WithImplementation(name, version string) Option {
	return func(c *config) { c.name, c.version = name, version }
}

// WithInstructions sets what agents read about the tools as a whole. The default is nothing.
func WithInstructions(text string) Option {
	return func(c *config) { c.instructions = text }
}

// WithHeaders names HTTP headers that are passed on as metadata, such as "x-api-key", in addition to
// authorization, x-request-id, traceparent, tracestate and x-forwarded-for, of which the server
// trusts the last only from the proxies of server.WithTrustedProxies. No other header is passed on.
func WithHeaders(names ...string) Option {
	return func(c *config) {
		for _, name := range names {
			lower := strings.ToLower(name)
			if err := credheader.CheckName(lower); err != nil {
				c.fail("WithHeaders(%q): %w; name another header", name, err)
				continue
			}
			c.headers = append(c.headers, lower)
		}
	}
}

// WithMetadata sets metadata of all calls, for [Tools.ServeStdio], whose agent sends none:
//
//	mcp.WithMetadata(metadata.Pairs("authorization", "Bearer "+os.Getenv("TOKEN")))
//
// Calls over HTTP do not have it: otherwise all agents would share the credentials in it.
func WithMetadata(md metadata.MD) Option {
	return func(c *config) { c.metadata = metadata.Join(c.metadata, md) }
}

// WithOrigins allows web pages of these origins to call the tools, such as
// "https://chat.example.com". By default, requests from web pages are rejected with 403, whatever
// their origin: this also stops pages that rebind their name to the server's address.
func WithOrigins(origins ...string) Option {
	return func(c *config) {
		for _, origin := range origins {
			if err := http.NewCrossOriginProtection().AddTrustedOrigin(origin); err != nil {
				c.fail("WithOrigins(%q): %w; write it as in \"https://chat.example.com\"", origin, err)
				continue
			}
			c.origins = append(c.origins, origin)
		}
	}
}

// WithMaxRequestBytes sets the maximum size of an HTTP request, [DefaultMaxRequestBytes] by default.
// Larger ones are rejected with 413. The limits of the server and of the policies apply as well.
func WithMaxRequestBytes(bytes int64) Option {
	return positive("WithMaxRequestBytes", bytes, func(c *config) { c.maxRequestBytes = bytes })
}

// WithMaxResultBytes sets the maximum size of a result as JSON, [DefaultMaxResultBytes] by default.
// Instead of a larger response, an agent receives its size, and a stream is cut.
func WithMaxResultBytes(bytes int) Option {
	return positive("WithMaxResultBytes", bytes, func(c *config) { c.maxResultBytes = bytes })
}

// WithMaxMessages sets the maximum number of messages that are read of a stream,
// [DefaultMaxMessages] by default. The result states that the stream was cut.
func WithMaxMessages(messages int) Option {
	return positive("WithMaxMessages", messages, func(c *config) { c.maxMessages = messages })
}

// WithMaxStreamTime sets the maximum time that a stream is read, [DefaultMaxStreamTime] by default.
// The result states that the stream was cut.
func WithMaxStreamTime(d time.Duration) Option {
	return positive("WithMaxStreamTime", d, func(c *config) { c.maxStreamTime = d })
}

// WithMaxOperationWait sets the maximum time that a call waits for a long-running operation,
// [DefaultMaxOperationWait] by default. Then the result names the operation, and a further call
// waits on.
func WithMaxOperationWait(d time.Duration) Option {
	return positive("WithMaxOperationWait", d, func(c *config) { c.maxOperationWait = d })
}

// WithMaxRequests sets the maximum number of HTTP requests that are served at a time,
// [DefaultMaxRequests] by default; of these, one address may have half. More are rejected with 503.
func WithMaxRequests(requests int) Option {
	return positive("WithMaxRequests", requests, func(c *config) { c.maxRequests = requests })
}

// positive returns an option whose value must be above 0.
func positive[N int | int64 | time.Duration](name string, value N, set Option) Option {
	if value > 0 {
		return set
	}
	return func(c *config) { c.fail("%s(%v): want a value above 0", name, value) }
}
