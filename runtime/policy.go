package runtime

import (
	"github.com/grpcservice/grpcservice/runtime/policy"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// What generated tables say of an RPC; see package policy for the fields.
type (
	// Policy is what a proto says of one RPC beyond its types: a row of the generated table.
	Policy = policy.Policy
	// Idempotency says what repeating a call does.
	Idempotency = policy.Idempotency
	// Auth says who may call.
	Auth = policy.Auth
	// Rate is so many calls a second on average, and so many at once.
	Rate = policy.Rate
	// Concurrency bounds how many calls run at a time.
	Concurrency = policy.Concurrency
	// Retry says when clients call again.
	Retry = policy.Retry
	// Hedging says when clients make a second call while the first has no answer.
	Hedging = policy.Hedging
	// Log says what of an RPC's calls is logged.
	Log = policy.Log
	// Page bounds the pages of a list.
	Page = policy.Page
	// Batch bounds the children of a batch.
	Batch = policy.Batch
	// Operation says how a long-running RPC runs.
	Operation = policy.Operation
	// IdempotencyKey says how a call that is made again is recognised.
	IdempotencyKey = policy.IdempotencyKey
)

// Reason names why a call failed; see package rpcerr.
type Reason = rpcerr.Reason

// Values of policies.
const (
	IdempotencyUnknown = policy.IdempotencyUnknown
	NoSideEffects      = policy.NoSideEffects
	Idempotent         = policy.Idempotent

	// None is a duration that the proto set to zero: no timeout, rather than the default one.
	None = policy.None

	ByMethod    = policy.ByMethod
	ByPrincipal = policy.ByPrincipal
	ByPeer      = policy.ByPeer

	AbortOnConflict   = policy.AbortOnConflict
	QueueOnConflict   = policy.QueueOnConflict
	PreemptOnConflict = policy.PreemptOnConflict
)
