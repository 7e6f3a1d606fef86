// Package idempotency has calls that are made again, with the same idempotency key, have the effect of one (AIP-155):
//
//	srv := server.New(server.WithIdempotency(idempotency.New(idempotency.Memory())))
//
// It guards the methods whose proto has a field for an idempotency key. A call with an id runs its method once, and its response is
// kept for a window, a day where the policy says nothing else. A call of the same principal to the same method with the same
// id gets that response, with the header grpcservice-replayed, or is refused: with INVALID_ARGUMENT where the rest of the
// request is another, with ABORTED where the first call is still running. A call that fails leaves nothing behind, so that
// another one with its id runs again. A call without an id is not guarded, and neither is one that sets validate_only
// (AIP-163), as it has no effect.
//
// What is kept lies in a [Store]. While the store cannot be reached, calls with an id are refused with UNAVAILABLE.
//
// A process can end after the effect of a call and before its response is kept: a call that is made again then runs again, once
// the lease of the first is over. A method rules that out if it writes its response in the transaction of its effect; see
// [Save].
package idempotency
