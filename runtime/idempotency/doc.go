// Package idempotency makes calls that are retried with the same idempotency key take effect once
// (AIP-155):
//
//	srv := server.New(server.WithIdempotency(idempotency.New(idempotency.Memory())))
//
// It guards the methods whose proto has a field for an idempotency key. A call with a key runs
// its method once, and its response is stored for a window of 24 hours, unless the policy sets
// another one. Another call of the same principal to the same method with the same key receives
// that response, with the header grpcservice-replayed. It is rejected with INVALID_ARGUMENT if
// the rest of the request differs, and with ABORTED if the first call is still running. A call
// that fails stores nothing, so another call with its key runs again. Calls without a key are not
// guarded, and neither are calls with validate_only set (AIP-163), because they have no effect.
//
// Responses are kept in a [Store]. While the store is unavailable, calls with a key are rejected
// with UNAVAILABLE.
//
// A process can end after the effect of a call and before its response is stored: a retry then
// runs again, once the lease of the first call has expired. A method prevents that by writing its
// response in the transaction of its effect; see [Save].
package idempotency
