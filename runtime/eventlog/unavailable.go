package eventlog

import (
	"context"
	"errors"

	"google.golang.org/grpc/codes"

	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// ReasonUnavailable is the reason of UNAVAILABLE if the store of a log fails, or cannot be reached.
const ReasonUnavailable rpcerr.Reason = "LOG_UNAVAILABLE"

// storeError returns what a [Log] returns for an error of its store: the error itself if it is
// about the request, has a status or follows the end of ctx; otherwise UNAVAILABLE, so that clients
// come back when an outage is over.
func storeError(ctx context.Context, err error) error {
	if err == nil || ctx.Err() != nil || isRefusal(err) {
		return err
	}
	if _, ok := rpcerr.StatusOf(err); ok {
		return err
	}
	return ReasonUnavailable.Errorf(codes.Unavailable, "the log is unavailable; retry").WithCause(err)
}

// isRefusal reports whether a store has refused what it was asked for, and would do so again.
func isRefusal(err error) bool {
	var gone *PositionError
	return errors.As(err, &gone) || errors.Is(err, ErrTooLarge) || errors.Is(err, ErrNoTx)
}
