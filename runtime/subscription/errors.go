package subscription

import (
	"errors"
	"fmt"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"

	"github.com/grpcservice/grpcservice/runtime/eventlog"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// invalid returns INVALID_ARGUMENT for one field of the request.
func invalid(reason rpcerr.Reason, field, what string) *rpcerr.Error {
	return reason.Errorf(codes.InvalidArgument, "%s %s", field, what).
		WithMetadata("field", field).
		WithViolations(rpcerr.FieldViolation{Field: field, Description: what, Reason: reason.Name()})
}

// misuse returns INTERNAL for a mistake of the service, described in its log.
func misuse(format string, args ...any) error {
	return rpcerr.ReasonInternal.Errorf(codes.Internal, "internal error").
		WithCause(fmt.Errorf("subscription: "+format, args...))
}

// lost returns OUT_OF_RANGE for a position from which the log cannot be read. earliest may be
// empty.
func lost(cause error, earliest string) error {
	reason := ReasonPositionUnknown
	text := "the position belongs to another incarnation of the log"
	if errors.Is(cause, eventlog.ErrExpired) {
		reason, text = ReasonPositionExpired, "events after the position are gone"
	}
	err := reason.Errorf(codes.OutOfRange, "%s; read the current state and subscribe again", text).
		WithCause(cause)
	if earliest != "" {
		err = err.WithMetadata(earliestKey, earliest)
	}
	return err
}

// NotRecovered is the error of [Method.Resume] if the server no longer has all events after the
// position: they were trimmed ([ReasonPositionExpired]), or its log is another one
// ([ReasonPositionUnknown]). The client must read the current state anew, as it did before it first
// subscribed.
type NotRecovered struct {
	// Earliest is the position of the earliest event that is left, for [WithPosition]; empty if
	// the server did not send it. Events before it are lost.
	Earliest string

	status error
}

// Error describes the status of the server.
func (e *NotRecovered) Error() string { return "subscription: not recovered: " + e.status.Error() }

// Unwrap returns the error of the call, which has a status.
func (e *NotRecovered) Unwrap() error { return e.status }

// notRecovered returns a [*NotRecovered] for the status of one, and other errors unchanged.
func notRecovered(err error) error {
	switch rpcerr.ReasonOf(err) {
	case ReasonPositionExpired, ReasonPositionUnknown:
		info, _ := rpcerr.Detail[*errdetails.ErrorInfo](err)
		return &NotRecovered{Earliest: info.GetMetadata()[earliestKey], status: err}
	}
	return err
}
