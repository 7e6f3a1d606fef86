package idempotency

import (
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// Reasons of the errors that callers receive.
const (
	// ReasonRequestIDReused is the reason of INVALID_ARGUMENT if an idempotency key was used for
	// a different request.
	ReasonRequestIDReused rpcerr.Reason = "REQUEST_ID_REUSED"
	// ReasonRequestInProgress is the reason of ABORTED if a call with the idempotency key is
	// still running. RetryInfo says when to retry.
	ReasonRequestInProgress rpcerr.Reason = "REQUEST_IN_PROGRESS"
	// ReasonStoreUnavailable is the reason of UNAVAILABLE if the store is unavailable, so that
	// the server cannot recognize retries. RetryInfo says when to retry.
	ReasonStoreUnavailable rpcerr.Reason = "IDEMPOTENCY_UNAVAILABLE"
	// ReasonStoreFull is the reason of RESOURCE_EXHAUSTED if the store has no room for the call:
	// its principal runs too many calls, or the response that the method saves is too large.
	// RetryInfo says when to retry.
	ReasonStoreFull rpcerr.Reason = "IDEMPOTENCY_STORE_FULL"
)

// retryAfter is the retry delay in errors.
const retryAfter = time.Second

// errReused is the error for an idempotency key, in the named field, of a different request.
func errReused(field string) *rpcerr.Error {
	violation := rpcerr.Violation(field, "was used for another request; use a new one")
	violation.Reason = ReasonRequestIDReused.Name()
	return ReasonRequestIDReused.
		Errorf(codes.InvalidArgument, "the idempotency key was used for another request; use a new one").WithViolations(violation)
}

func errInProgress() *rpcerr.Error {
	return ReasonRequestInProgress.
		Errorf(codes.Aborted, "a call with this idempotency key is still running; retry when it has finished").WithRetryAfter(retryAfter)
}

// errStore returns the caller's error for an error of the store.
func errStore(cause error) error {
	if errors.Is(cause, ErrFull) {
		return ReasonStoreFull.
			Errorf(codes.ResourceExhausted, "the server has no room to store the response of this request; retry later").
			WithRetryAfter(retryAfter).WithCause(cause)
	}
	return ReasonStoreUnavailable.
		Errorf(codes.Unavailable, "the idempotency store is unavailable, so retries cannot be recognized; retry later").
		WithRetryAfter(retryAfter).WithCause(cause)
}

// errInternal is the error for mistakes that only the log describes.
func errInternal(format string, args ...any) error {
	return rpcerr.ReasonInternal.Errorf(codes.Internal, "internal error").WithCause(fmt.Errorf("idempotency: "+format, args...))
}
