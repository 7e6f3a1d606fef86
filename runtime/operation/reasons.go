package operation

import (
	"context"
	"errors"

	"google.golang.org/grpc/codes"

	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// Reasons of the errors of this package, in the domain [rpcerr.ErrorDomain]. Besides, starting an
// operation fails with idempotency.ReasonRequestIDReused, batch.ReasonEmpty and batch.ReasonTooLarge.
const (
	// ReasonNotFound is the reason of NOT_FOUND: there is no operation of the name, or it is somebody else's.
	ReasonNotFound rpcerr.Reason = "OPERATION_NOT_FOUND"
	// ReasonConflict is the reason of ABORTED where another operation works on the same thing. ErrorInfo has the request's field
	// that says so as "field", and the other's name as "operation" where it is the caller's own, which [Client.Cancel] ends even where it was deleted.
	ReasonConflict rpcerr.Reason = "OPERATION_CONFLICT"
	// ReasonCancelled is the reason of an operation's CANCELLED.
	ReasonCancelled rpcerr.Reason = "OPERATION_CANCELLED"
	// ReasonTimeout is the reason of an operation's DEADLINE_EXCEEDED: it has run for as long as its policy lets it.
	ReasonTimeout rpcerr.Reason = "OPERATION_TIMEOUT"
	// ReasonAttemptsExhausted is the reason of an operation's ABORTED: its workers stopped without a result, too often.
	ReasonAttemptsExhausted rpcerr.Reason = "OPERATION_ATTEMPTS_EXHAUSTED"
	// ReasonNoneSucceeded is the reason of an operation's ABORTED where each of its children failed (AIP-233).
	ReasonNoneSucceeded rpcerr.Reason = "OPERATION_NONE_SUCCEEDED"
	// ReasonStoreUnavailable is the reason of UNAVAILABLE where operations cannot be read or written.
	ReasonStoreUnavailable rpcerr.Reason = "OPERATION_STORE_UNAVAILABLE"
	// ReasonStoreFull is the reason of RESOURCE_EXHAUSTED where the store has no room: for one more operation of the caller, for
	// what the work saves, or for what it returns.
	ReasonStoreFull rpcerr.Reason = "OPERATION_STORE_FULL"
	// ReasonTooLarge is the reason of an operation's RESOURCE_EXHAUSTED where what its work saves or returns is larger than can
	// be sent: see [WithMaxMessageBytes].
	ReasonTooLarge rpcerr.Reason = "OPERATION_TOO_LARGE"
)

// resourceType is the type of operations in ResourceInfo.
const resourceType = "google.longrunning.Operation"

// notFound is the error for an operation that there is not, and for one of somebody else, which must look the same.
func notFound(name string) *rpcerr.Error {
	return ReasonNotFound.Errorf(codes.NotFound, "there is no operation %q", name).
		WithMetadata("operation", name).WithResource(resourceType, name, "")
}

// storeError is what a caller is told of an error of the store.
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
	return ReasonStoreUnavailable.Errorf(codes.Unavailable, "operations cannot be reached; try again").WithCause(err)
}

// storeFull is the error where the store has no room for something.
func storeFull(what string, cause error) error {
	return ReasonStoreFull.Errorf(codes.ResourceExhausted, "the store of operations has no room for %s", what).WithCause(cause)
}

// tooLarge is the error where the message of an operation would have more bytes than may be sent.
func tooLarge(what string, bytes, limit int) error {
	return ReasonTooLarge.Errorf(codes.ResourceExhausted, "the %s of the operation has %d bytes; it may have %d at most", what, bytes, limit)
}

// Causes of the context of work that should end.
var (
	// ErrCancelled is the cause where somebody has asked to cancel the operation.
	ErrCancelled = errors.New("the operation was cancelled")
	// ErrStopping is the cause where this process stops: the operation goes on in another one, or after the restart, from what was
	// saved last.
	ErrStopping = errors.New("the worker stops")
	// errTimedOut is the cause where the operation has run for as long as it may.
	errTimedOut = errors.New("the operation has run for as long as it may")
)

// The ends of operations that are not their work's.
func cancelled() error {
	return ReasonCancelled.Errorf(codes.Canceled, "the operation was cancelled")
}

func timedOut() error {
	return ReasonTimeout.Errorf(codes.DeadlineExceeded, "the operation has run for as long as it may")
}

func exhausted() error {
	return ReasonAttemptsExhausted.Errorf(codes.Aborted, "the operation was begun as often as it may be, and has no result")
}
