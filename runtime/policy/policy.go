// Package policy makes the rules that both ends of a method keep from the options in its proto. It imports no grpc, so that
// the plugin checks options with the code that the runtime trusts.
package policy

import (
	"fmt"
	"log/slog"
	"time"
)

// Policy is what a proto says of one method beyond its types: a row of the generated table. The zero Policy says nothing;
// what the server and the client do then is their default.
type Policy struct {
	// Idempotency is the proto's idempotency_level.
	Idempotency Idempotency
	// Timeout is the deadline of a unary call whose client sent none, and what generated clients send: [None] is no deadline.
	Timeout time.Duration
	// MaxTimeout is the longest deadline that a client of a unary method may ask for; more is cut to it.
	MaxTimeout time.Duration
	// IdleTimeout is how long a stream may be without a message in either direction.
	IdleTimeout time.Duration
	// TotalTimeout is how long a stream may take at all.
	TotalTimeout time.Duration
	// Auth says who may call. Without it nobody may, once the server has an authenticator.
	Auth *Auth
	// Rates bound how often calls come; each is kept by itself.
	Rates []Rate
	// Concurrency bounds how many calls run at a time.
	Concurrency Concurrency
	// Retry says when clients call again.
	Retry Retry
	// Hedging says when clients call a second server without waiting for the first.
	Hedging Hedging
	// MaxRequestBytes is the largest request after decompression; of a stream, each of them. Below 0 there is no limit but
	// the server's.
	MaxRequestBytes int64
	// Log says what is logged.
	Log Log
	// Validate says that the request's message has rules, which are checked before the method sees it.
	Validate bool
	// Page bounds the pages of a list; MaxSize is 0 where the method is not paged.
	Page Page
	// Batch bounds the children of a batch; MaxSize is 0 where the method is none.
	Batch Batch
	// Operation says how a long-running method runs; Lease is 0 where the method is none.
	Operation Operation
	// IdempotencyKey says how a call that is made again is recognised; Field is empty where it cannot be.
	IdempotencyKey IdempotencyKey
}

// None is a duration that was set to zero: no timeout, where not to set one is to take the default.
const None time.Duration = -1

// Idempotency says what repeating a call does.
type Idempotency int

const (
	// IdempotencyUnknown is the default: repeating the call may repeat its effect.
	IdempotencyUnknown Idempotency = iota
	// NoSideEffects marks a call that only reads.
	NoSideEffects
	// Idempotent marks a call that may be repeated with the effect of one.
	Idempotent
)

// String returns the name of the constant.
func (i Idempotency) String() string {
	return nameOf(int(i), "Idempotency", "IdempotencyUnknown", "NoSideEffects", "Idempotent")
}

// Auth says who may call. The zero Auth lets in whom the authenticator knows.
type Auth struct {
	// Public lets everybody in, known or not.
	Public bool
	// AllOf are scopes that the caller must have, all of them.
	AllOf []string
	// AnyOf are scopes of which the caller must have one.
	AnyOf []string
}

// Rate is so many calls a second on average, and Burst at once.
type Rate struct {
	PerSecond float64
	Burst     int
	// Key says whose calls are counted together.
	Key Key
}

// Key says whose calls a rate counts together.
type Key int

const (
	// ByMethod counts the authorised calls of all callers together.
	ByMethod Key = iota
	// ByPrincipal counts the authorised calls of each principal; of callers without one, those from
	// each peer address.
	ByPrincipal
	// ByPeer counts all calls from each peer address, before they are authenticated.
	ByPeer
)

// String returns the name of the constant.
func (k Key) String() string { return nameOf(int(k), "Key", "ByMethod", "ByPrincipal", "ByPeer") }

// Concurrency bounds how many calls of a method run at a time. The zero Concurrency is no bound.
type Concurrency struct {
	// Limit is the most calls at a time.
	Limit int
	// Adaptive finds a limit, up to Limit, from how long a unary method takes.
	Adaptive bool
	// MaxWait is how long a call may wait for its turn before it is refused; 0 is not at all.
	MaxWait time.Duration
}

// Retry says when clients call again. The zero Retry is never.
type Retry struct {
	// MaxAttempts is how many calls are made in all, 2 to 5.
	MaxAttempts int
	// InitialBackoff is the longest wait before the second call, MaxBackoff that before any; the wait is random.
	InitialBackoff, MaxBackoff time.Duration
	// Multiplier is how much longer each wait is than the one before.
	Multiplier float64
	// Codes are the codes after which a call is made again, as gRPC spells them: "UNAVAILABLE".
	Codes []string
}

// Hedging says when clients make a second call while the first has no answer. The zero Hedging is never.
type Hedging struct {
	// Delay is the wait before each further call.
	Delay time.Duration
	// MaxAttempts is how many calls are made in all, 2 to 5.
	MaxAttempts int
	// NonFatalCodes are the codes that do not end the other calls.
	NonFatalCodes []string
}

// Log says what of a method's calls is logged.
type Log struct {
	// Level is the level of the records of calls that succeed.
	Level slog.Level
	// Sample is the part of the calls that succeed of which there is a record, between 0 and 1; 0 stands for all, and below
	// 0 for none.
	Sample float64
}

// Page bounds the pages of a list (AIP-158).
type Page struct {
	// DefaultSize is the number of items where the caller does not say, MaxSize the most whatever the caller says.
	DefaultSize, MaxSize int
	// TokenTTL is how long a page token can be used; below 0 it is for ever.
	TokenTTL time.Duration
}

// Batch bounds the children of a batch (AIP-231 to AIP-235).
type Batch struct {
	// MaxSize is the most children of a request.
	MaxSize int
	// Concurrency is how many children are worked on at a time.
	Concurrency int
	// AllowEmpty takes a request without children.
	AllowEmpty bool
	// OwnPolicy has the batch go by its own policy alone, and not by that of the method that does it
	// for one child.
	OwnPolicy bool
}

// Operation says how a long-running method runs (AIP-151).
type Operation struct {
	// Lease is how long a worker that is not heard of keeps an operation.
	Lease time.Duration
	// Retain is how long an operation can be asked for after its end; below 0 it is for ever.
	Retain time.Duration
	// Timeout is how long it may run in all, whatever its attempts; 0 and below are no limit.
	Timeout time.Duration
	// MaxAttempts is how often it is begun before it fails.
	MaxAttempts int
	// OnConflict is what happens where another operation of the same conflict key is not done.
	OnConflict OnConflict
}

// OnConflict says what happens to an operation where another one of the same conflict key is not done.
type OnConflict int

const (
	// AbortOnConflict refuses the new one with ABORTED.
	AbortOnConflict OnConflict = iota
	// QueueOnConflict has the new one wait for the other.
	QueueOnConflict
	// PreemptOnConflict cancels the other where the same principal started it, and refuses the new one otherwise.
	PreemptOnConflict
)

// String returns the name of the constant.
func (c OnConflict) String() string {
	return nameOf(int(c), "OnConflict", "AbortOnConflict", "QueueOnConflict", "PreemptOnConflict")
}

// nameOf returns the name of a value of an enum, or of a value that it does not have.
func nameOf(n int, enum string, names ...string) string {
	if n < 0 || n >= len(names) {
		return fmt.Sprintf("%s(%d)", enum, n)
	}
	return names[n]
}

// IdempotencyKey says how a call that is made again is recognised (AIP-155).
type IdempotencyKey struct {
	// Field is the request's field that holds the id.
	Field string
	// Window is how long an answer is kept.
	Window time.Duration
	// UUID4 says that the id must be a version 4 UUID, as the field's format has it.
	UUID4 bool
	// Required says that the proto demands the field of callers.
	Required bool
}
