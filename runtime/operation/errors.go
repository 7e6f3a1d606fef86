package operation

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// Reasons of this package's errors, in the domain [rpcerr.ErrorDomain]. Starting an operation may
// also fail with idempotency.ReasonRequestIDReused, batch.ReasonEmpty and batch.ReasonTooLarge.
const (
	// ReasonNotFound is the reason of NOT_FOUND: the operation does not exist or belongs to
	// another principal.
	ReasonNotFound rpcerr.Reason = "OPERATION_NOT_FOUND"
	// ReasonConflict is the reason of ABORTED if another operation holds the conflict key.
	// ErrorInfo has the request's field of the key as "field", and the other operation's name as
	// "operation" if it is the caller's own. [Client.Cancel] ends that one even if it was
	// deleted.
	ReasonConflict rpcerr.Reason = "OPERATION_CONFLICT"
	// ReasonCancelled is the reason of an operation's CANCELLED.
	ReasonCancelled rpcerr.Reason = "OPERATION_CANCELLED"
	// ReasonTimeout is the reason of an operation's DEADLINE_EXCEEDED: it exceeded the timeout of
	// its policy.
	ReasonTimeout rpcerr.Reason = "OPERATION_TIMEOUT"
	// ReasonAttemptsExhausted is the reason of an operation's ABORTED: all attempts stopped
	// without a result.
	ReasonAttemptsExhausted rpcerr.Reason = "OPERATION_ATTEMPTS_EXHAUSTED"
	// ReasonNoneSucceeded is the reason of an operation's ABORTED if all of its items failed
	// (AIP-233).
	ReasonNoneSucceeded rpcerr.Reason = "OPERATION_NONE_SUCCEEDED"
	// ReasonStoreUnavailable is the reason of UNAVAILABLE if operations cannot be read or
	// written.
	ReasonStoreUnavailable rpcerr.Reason = "OPERATION_STORE_UNAVAILABLE"
	// ReasonStoreFull is the reason of RESOURCE_EXHAUSTED if the store has no room: for another
	// operation of the caller, for what the work saves, or for its result.
	ReasonStoreFull rpcerr.Reason = "OPERATION_STORE_FULL"
	// ReasonTooLarge is the reason of an operation's RESOURCE_EXHAUSTED if its work saves or
	// returns more than can be sent: see [WithMaxMessageBytes].
	ReasonTooLarge rpcerr.Reason = "OPERATION_TOO_LARGE"
)

// resourceType is the type of operations in ResourceInfo.
const resourceType = "google.longrunning.Operation"

// notFound returns the error for an operation that does not exist, or that belongs to another
// principal; the two must look the same.
func notFound(name string) *rpcerr.Error {
	return ReasonNotFound.Errorf(codes.NotFound, "there is no operation %q", name).
		WithMetadata("operation", name).WithResource(resourceType, name, "")
}

// storeError returns the caller's error for an error of the store.
func storeError(ctx context.Context, name string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrNotFound):
		return notFound(name).WithCause(err)
	case errors.Is(err, ErrFull):
		return storeFull("one more operation of the caller; retry when some are done", err)
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	return ReasonStoreUnavailable.Errorf(codes.Unavailable, "the operation store is unavailable; retry").WithCause(err)
}

// storeFull returns the error if the store has no room for something.
func storeFull(what string, cause error) error {
	return ReasonStoreFull.Errorf(codes.ResourceExhausted, "the operation store has no room for %s", what).WithCause(cause)
}

// tooLarge returns the error if the message of an operation would exceed the maximum size.
func tooLarge(what string, bytes, limit int) error {
	return ReasonTooLarge.Errorf(codes.ResourceExhausted, "the %s of the operation has %d bytes; the maximum is %d", what, bytes, limit)
}

// Causes of the context of work that should end.
var (
	// ErrCancelled is the cause if the operation was cancelled.
	ErrCancelled = errors.New("the operation was cancelled")
	// ErrStopping is the cause if this process stops: the operation continues in another process,
	// or after the restart, from its last checkpoint.
	ErrStopping = errors.New("the worker is stopping")
	// errTimedOut is the cause if the operation exceeded its timeout.
	errTimedOut = errors.New("the operation exceeded its timeout")
)

// Errors of operations that do not come from their work.
var (
	errCancelled = ReasonCancelled.Errorf(codes.Canceled, "the operation was cancelled")
	errTimeout   = ReasonTimeout.Errorf(codes.DeadlineExceeded, "the operation exceeded its timeout")
	errExhausted = ReasonAttemptsExhausted.Errorf(codes.Aborted,
		"all attempts at the operation have stopped without a result")
	errInternal = rpcerr.ReasonInternal.Errorf(codes.Internal, "internal error")
)

// TryAgain returns err marked so that the operation is retried from its last checkpoint, as long
// as it has attempts left: for temporary failures, such as an unavailable service. Any other
// error ends the operation. The retry starts after wait, or, if it is 0, after the wait of
// [WithBackoff]. The error of the last attempt ends the operation.
func TryAgain(err error, wait time.Duration) error {
	if err == nil {
		return nil
	}
	return &tryAgain{cause: err, wait: wait}
}

// tryAgain is an error that does not end an operation.
type tryAgain struct {
	cause error
	wait  time.Duration
}

func (t *tryAgain) Error() string { return t.cause.Error() }

func (t *tryAgain) Unwrap() error { return t.cause }

// misuse returns the error of a helper that does not fit its messages: INTERNAL for the caller,
// err for the log.
func misuse(info runtime.MethodInfo, err error) error {
	return rpcerr.ReasonInternal.Errorf(codes.Internal, "internal error").
		WithCause(fmt.Errorf("operation helper of %s: %w", info.FullMethod, err))
}
