// Package policy derives the rules that both ends of a method enforce from the options in its
// proto. It does not import grpc, so that the plugin checks options with the code that the
// runtime uses.
package policy

import (
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/grpcservice/grpcservice/runtime/internal/spiffe"
)

// Policy holds what a proto states about one method beyond its types: a row of the generated
// table. The zero Policy states nothing; the server and the client then use their defaults.
type Policy struct {
	// Idempotency is the proto's idempotency_level.
	Idempotency Idempotency
	// Timeout is the deadline of unary calls without one, on the server and in generated clients;
	// [None] means no deadline.
	Timeout time.Duration
	// MaxTimeout is the maximum deadline of a unary call; longer ones are shortened to it.
	MaxTimeout time.Duration
	// IdleTimeout is how long a stream may have no message in either direction.
	IdleTimeout time.Duration
	// TotalTimeout is how long a stream may take in all.
	TotalTimeout time.Duration
	// Auth defines which callers are authorized. If it is nil and the server has an
	// authenticator, all calls are rejected.
	Auth *Auth
	// Rates bound the rate of calls; each is enforced separately.
	Rates []Rate
	// Concurrency bounds how many calls run at a time.
	Concurrency Concurrency
	// Retry defines when clients retry.
	Retry Retry
	// Hedging defines when clients call a second server without waiting for the first.
	Hedging Hedging
	// MaxRequestBytes is the maximum size of a request after decompression, and of each request
	// of a stream. Below 0, only the server's limit applies.
	MaxRequestBytes int64
	// Log defines which calls are logged.
	Log Log
	// Validate means that the request message has rules, which are checked before the method
	// runs.
	Validate bool
	// Page bounds the pages of a list; MaxSize is 0 if the method is not paged.
	Page Page
	// Batch bounds the items of a batch; MaxSize is 0 if the method is not a batch.
	Batch Batch
	// Operation defines how a long-running method runs; Lease is 0 if the method is not one.
	Operation Operation
	// IdempotencyKey defines how retried calls are recognized; Field is "" if they are not.
	IdempotencyKey IdempotencyKey
	// Search bounds the results of a search; PackItems is 0 if the method is not one.
	Search Search
	// Subscription configures a stream that resumes, or tails a log; MaxLines is 0 if the method
	// is not one.
	Subscription Subscription
	// Upload bounds the files of an upload; MaxFiles is 0 if the method is not one.
	Upload Upload
	// Bulk bounds the items of a stream that are processed one by one; Concurrency is 0 if the
	// method is not one.
	Bulk Bulk
	// Handshake configures a stream with a typed first request; Timeout is 0 if the method is not
	// one.
	Handshake Handshake
	// Room configures the members of a room; Queue is 0 if the method is not one.
	Room Room
	// Permission defines what the caller must be allowed to do with the resource that a request
	// names; Name is "" if the method requires no permission.
	Permission Permission
	// Tool makes the method a tool of agents; Name is "" if it is not one.
	Tool Tool
}

// None is a duration that was set to zero: no timeout, whereas an unset one means the default.
const None time.Duration = -1

// Idempotency is the effect of repeating a call.
type Idempotency int

const (
	// IdempotencyUnknown is the default: repeating the call may repeat its effect.
	IdempotencyUnknown Idempotency = iota
	// NoSideEffects marks a call that only reads.
	NoSideEffects
	// Idempotent marks a call that takes effect once even if it is repeated.
	Idempotent
)

// String returns the name of the constant.
func (i Idempotency) String() string {
	return nameOf(int(i), "Idempotency", "IdempotencyUnknown", "NoSideEffects", "Idempotent")
}

// Auth defines which callers are authorized. The zero Auth authorizes all authenticated callers.
type Auth struct {
	// Public authorizes all callers, authenticated or not.
	Public bool
	// AllOf are scopes that the caller must have, all of them.
	AllOf []string
	// AnyOf are scopes of which the caller must have at least one.
	AnyOf []string
	// Principals are IDs of which the caller's must be one. "spiffe://example.org/shop/*" stands
	// for every ID that starts with "spiffe://example.org/shop/"; only SPIFFE IDs may end with a
	// star.
	Principals []string
}

// AllowsPrincipal reports whether Principals is empty or lists a principal with an ID.
func (a Auth) AllowsPrincipal(id string) bool {
	return len(a.Principals) == 0 || slices.ContainsFunc(a.Principals, func(pattern string) bool {
		return spiffe.Matches(pattern, id)
	})
}

// Rate is an average number of calls per second, and a burst.
type Rate struct {
	PerSecond float64
	Burst     int
	// Key defines which calls are counted together.
	Key Key
}

// Key defines which calls a rate counts together.
type Key int

const (
	// ByMethod counts the authorized calls of all callers together.
	ByMethod Key = iota
	// ByPrincipal counts the authorized calls of each principal, and of each peer address for
	// callers without one.
	ByPrincipal
	// ByPeer counts all calls from each peer address, before they are authenticated.
	ByPeer
)

// String returns the name of the constant.
func (k Key) String() string { return nameOf(int(k), "Key", "ByMethod", "ByPrincipal", "ByPeer") }

// Concurrency bounds how many calls of a method run at a time. The zero Concurrency is no bound.
type Concurrency struct {
	// Limit is the maximum number of concurrent calls.
	Limit int
	// Adaptive determines a limit, up to Limit, from the latency of a unary method.
	Adaptive bool
	// MaxWait is how long a call may wait for its turn before it is rejected; 0 means that it
	// does not wait.
	MaxWait time.Duration
}

// Retry defines when clients retry. The zero Retry disables retries.
type Retry struct {
	// MaxAttempts is the maximum number of attempts, 2 to 5.
	MaxAttempts int
	// InitialBackoff is the maximum wait before the second attempt, MaxBackoff before any
	// attempt. The wait is random.
	InitialBackoff, MaxBackoff time.Duration
	// Multiplier is the factor by which the maximum wait grows.
	Multiplier float64
	// Codes are the codes that are retried, with gRPC's names: "UNAVAILABLE".
	Codes []string
}

// Hedging defines when clients send a call again before the first attempt has returned. The zero
// Hedging disables it.
type Hedging struct {
	// Delay is the wait before each further attempt.
	Delay time.Duration
	// MaxAttempts is the maximum number of attempts, 2 to 5.
	MaxAttempts int
	// NonFatalCodes are the codes that do not end the other attempts.
	NonFatalCodes []string
}

// Log defines which of a method's calls are logged.
type Log struct {
	// Level is the log level of successful calls.
	Level slog.Level
	// Sample is the fraction of successful calls that are logged, between 0 and 1; 0 means all,
	// and below 0 none.
	Sample float64
}

// Page bounds the pages of a list (AIP-158).
type Page struct {
	// DefaultSize is the page size if the request has none, MaxSize the maximum.
	DefaultSize, MaxSize int
	// TokenTTL is how long a page token is valid; below 0 it never expires.
	TokenTTL time.Duration
}

// Batch bounds the items of a batch (AIP-231 to AIP-235).
type Batch struct {
	// MaxSize is the maximum number of items in a request.
	MaxSize int
	// Concurrency is how many items run at a time.
	Concurrency int
	// AllowEmpty accepts requests without items.
	AllowEmpty bool
	// OwnPolicy applies only the policy of the batch, and not that of the method that does the
	// same for one item.
	OwnPolicy bool
}

// Operation defines how a long-running method runs (AIP-151).
type Operation struct {
	// Lease is how long a worker holds an operation without renewing.
	Lease time.Duration
	// Retain is how long an operation is kept after its end; below 0 it is kept forever.
	Retain time.Duration
	// Timeout is how long it may run in all attempts together; 0 and less mean no limit.
	Timeout time.Duration
	// MaxAttempts is the maximum number of attempts.
	MaxAttempts int
	// OnConflict applies if another operation with the same conflict key is not done.
	OnConflict OnConflict
}

// OnConflict defines what happens to an operation if another one with the same conflict key is
// not done.
type OnConflict int

const (
	// AbortOnConflict rejects the new one with ABORTED.
	AbortOnConflict OnConflict = iota
	// QueueOnConflict makes the new one wait for the other.
	QueueOnConflict
	// PreemptOnConflict cancels the other if the same principal started it, and otherwise rejects
	// the new one.
	PreemptOnConflict
)

// String returns the name of the constant.
func (c OnConflict) String() string {
	return nameOf(int(c), "OnConflict", "AbortOnConflict", "QueueOnConflict", "PreemptOnConflict")
}

// nameOf returns the name of an enum's value, or a text for an unknown value.
func nameOf(n int, enum string, names ...string) string {
	if n < 0 || n >= len(names) {
		return fmt.Sprintf("%s(%d)", enum, n)
	}
	return names[n]
}

// IdempotencyKey defines how retried calls are recognized (AIP-155).
type IdempotencyKey struct {
	// Field is the request's field for the key.
	Field string
	// Window is how long a response is stored.
	Window time.Duration
	// UUID4 means that the key must be a version 4 UUID, as the field's format requires.
	UUID4 bool
	// Required means that the proto requires the field.
	Required bool
}

// Permission defines what the caller must be allowed to do with the resource that a request
// names.
type Permission struct {
	// Name is the name of the permission: "orders.cancel".
	Name string
	// Resource is the path of the request field that names the resource; see [ResourcePath].
	Resource string
	// HideExistence makes the method return the same NOT_FOUND to callers without the permission
	// and for resources that do not exist.
	HideExistence bool
	// Inherit lets a request of a stream leave the field empty: it then concerns the resource of
	// the request before it.
	Inherit bool
}

// Tool makes a method a tool that agents call over the Model Context Protocol.
type Tool struct {
	// Name is the name of the tool: "get_book".
	Name string
	// Description is what agents read about the tool; "" means the comment of the method.
	Description string
	// Additive means that no call deletes or overwrites anything.
	Additive bool
}

// Search bounds the results of a search.
type Search struct {
	// MaxLimit is the maximum number of results of a call; 0 means no maximum.
	MaxLimit int
	// PackItems and PackBytes are how many results, and bytes of results, a response with a list
	// holds before it is sent.
	PackItems int
	PackBytes int64
	// PackWait is how long a result waits for others in its response; 0 and less mean that it
	// does not wait.
	PackWait time.Duration
}

// Subscription configures a stream of events that can be resumed, or the tail of a log.
type Subscription struct {
	// Heartbeat is how long a stream is silent before it sends its position; below 0, it never
	// does.
	Heartbeat time.Duration
	// MaxLines is the maximum number of past lines of a call.
	MaxLines int
}

// Upload bounds the files of an upload.
type Upload struct {
	// MaxFileBytes and MaxTotalBytes are the maximum bytes of a file, and of all files of a call;
	// below 0 there is no limit.
	MaxFileBytes, MaxTotalBytes int64
	// MaxFiles is the maximum number of files of a call.
	MaxFiles int
}

// Bulk bounds a stream of items that are processed one by one.
type Bulk struct {
	// Concurrency is how many items run at a time.
	Concurrency int
	// MaxItems is the maximum number of items of a call; 0 means no limit.
	MaxItems int
	// MaxFailures is how many items may fail before the call ends.
	MaxFailures int
}

// Handshake configures a stream with a typed first request.
type Handshake struct {
	// Timeout is how long the server waits for the first request; below 0 it waits forever.
	Timeout time.Duration
}

// Room configures the members of a room.
type Room struct {
	// Queue and QueueBytes are how many messages and bytes wait for a member that receives slowly.
	Queue      int
	QueueBytes int64
	// Slow is what happens if more have to wait.
	Slow Slow
}

// Slow defines what happens if a message does not fit into the queue of a member of a room.
type Slow int

const (
	// DisconnectSlow ends the member's call with RESOURCE_EXHAUSTED.
	DisconnectSlow Slow = iota
	// DropOldest drops the messages that have waited longest.
	DropOldest
	// DropNewest drops the message.
	DropNewest
	// BlockOnSlow makes the room wait for the member, for a time that the program sets.
	BlockOnSlow
)

// String returns the name of the constant.
func (s Slow) String() string {
	return nameOf(int(s), "Slow", "DisconnectSlow", "DropOldest", "DropNewest", "BlockOnSlow")
}
