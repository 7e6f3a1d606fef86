package idempotency

import (
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// Reasons of the errors that callers get.
const (
	// ReasonRequestIDReused is the reason of INVALID_ARGUMENT where an idempotency key stands for another request already.
	ReasonRequestIDReused rpcerr.Reason = "REQUEST_ID_REUSED"
	// ReasonRequestInProgress is the reason of ABORTED where a call with the idempotency key is still running. RetryInfo says when
	// to try again.
	ReasonRequestInProgress rpcerr.Reason = "REQUEST_IN_PROGRESS"
	// ReasonStoreUnavailable is the reason of UNAVAILABLE where it cannot be told whether the call was made before. RetryInfo
	// says when to try again.
	ReasonStoreUnavailable rpcerr.Reason = "IDEMPOTENCY_UNAVAILABLE"
	// ReasonStoreFull is the reason of RESOURCE_EXHAUSTED where the store has no room for the call: too many calls of its
	// principal are running, or the response that the method saves is too large. RetryInfo says when to try again.
	ReasonStoreFull rpcerr.Reason = "IDEMPOTENCY_STORE_FULL"
)

// retryAfter is when callers are asked to try again.
const retryAfter = time.Second

// errReused is for an idempotency key, in the named field, that belongs to another request.
func errReused(field string) *rpcerr.Error {
	violation := rpcerr.Violation(field, "it was used for another request; use a new one")
	violation.Reason = ReasonRequestIDReused.Name()
	return ReasonRequestIDReused.
		Errorf(codes.InvalidArgument, "the idempotency key was used for another request; use a new one").WithViolations(violation)
}

func errInProgress() *rpcerr.Error {
	return ReasonRequestInProgress.
		Errorf(codes.Aborted, "a call with this idempotency key is still running; try again when it has ended").WithRetryAfter(retryAfter)
}

// errStore is what the caller gets of an error of the store.
func errStore(cause error) error {
	if errors.Is(cause, ErrFull) {
		return ReasonStoreFull.
			Errorf(codes.ResourceExhausted, "the server has no room to keep the response of this request; try again later").
			WithRetryAfter(retryAfter).WithCause(cause)
	}
	return ReasonStoreUnavailable.
		Errorf(codes.Unavailable, "it cannot be told whether this request was made before; try again").
		WithRetryAfter(retryAfter).WithCause(cause)
}

// errInternal is for mistakes that only the log describes.
func errInternal(format string, args ...any) error {
	return rpcerr.ReasonInternal.Errorf(codes.Internal, "internal error").WithCause(fmt.Errorf("idempotency: "+format, args...))
}
