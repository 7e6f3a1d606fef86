package runtime

import (
	"github.com/grpcservice/grpcservice/runtime/policy"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// The types of policies in generated tables; package policy documents their fields. Those of
// patterns of streams have no alias: generated code names package policy.
type (
	// Policy is what a proto states about an RPC beyond its types.
	Policy = policy.Policy
	// Idempotency states whether an RPC may be repeated.
	Idempotency = policy.Idempotency
	// Auth states which callers are authorized.
	Auth = policy.Auth
	// Rate limits calls per second, with a burst.
	Rate = policy.Rate
	// Concurrency limits how many calls run at a time.
	Concurrency = policy.Concurrency
	// Retry states when clients retry.
	Retry = policy.Retry
	// Hedging states when clients send another attempt before the first has been answered.
	Hedging = policy.Hedging
	// Log states which calls are logged, and at which level.
	Log = policy.Log
	// Page limits the pages of a list.
	Page = policy.Page
	// Batch limits the items of a batch.
	Batch = policy.Batch
	// Operation configures a long-running operation.
	Operation = policy.Operation
	// IdempotencyKey states which field identifies a repeated call.
	IdempotencyKey = policy.IdempotencyKey
	// Permission states what the caller must be allowed to do with the resource of a request.
	Permission = policy.Permission
	// Tool makes an RPC a tool that agents call.
	Tool = policy.Tool
)

// Reason names why a call failed; see package rpcerr.
type Reason = rpcerr.Reason

// Values of policies.
const (
	IdempotencyUnknown = policy.IdempotencyUnknown
	NoSideEffects      = policy.NoSideEffects
	Idempotent         = policy.Idempotent

	// None is a duration that the proto sets to zero: no timeout, instead of the default one.
	None = policy.None

	ByMethod    = policy.ByMethod
	ByPrincipal = policy.ByPrincipal
	ByPeer      = policy.ByPeer

	AbortOnConflict   = policy.AbortOnConflict
	QueueOnConflict   = policy.QueueOnConflict
	PreemptOnConflict = policy.PreemptOnConflict
)
