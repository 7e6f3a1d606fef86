package rpcerr

import (
	"context"
	"errors"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// fixed is an error whose status is built once. Its status is what its caller gets, as it stands.
type fixed struct{ st *status.Status }

func (f *fixed) Error() string              { return f.st.String() }
func (f *fixed) GRPCStatus() *status.Status { return f.st }

// Fixed returns an error that has the status of e, built once: for package-level errors that many
// calls return. The causes of e are not part of it.
func (e *Error) Fixed() error { return &fixed{e.GRPCStatus()} }

// fixedOf returns what Errorf and Fixed do, which themselves need some of these errors.
func fixedOf(code codes.Code, reason Reason, message string) error {
	info := &errdetails.ErrorInfo{Reason: reason.Name(), Domain: reason.Domain()}
	return &fixed{status.FromProto(&spb.Status{Code: int32(code), Message: message, Details: pack(info)})}
}

// Hide returns an error whose caller gets the status of public, while the log has cause.
func Hide(public error, cause string) error { return &fault{status: public, cause: cause} }

// fault is a failure whose cause is for the log and whose status is for the caller.
type fault struct {
	status error
	cause  string
}

func (f *fault) Error() string              { return f.cause }
func (f *fault) GRPCStatus() *status.Status { return status.Convert(f.status) }

// Internal returns INTERNAL, reason INTERNAL, with a fixed text for the caller and cause for the log.
func Internal(cause string) error {
	return &fault{status: errInternal, cause: cause}
}

// Public returns what the caller of an RPC gets that failed with err, as an error: see
// [PublicStatus]. One of [Error.Fixed] is returned as it is.
func Public(err error) error {
	if f, ok := err.(*fixed); ok {
		return f
	}
	return publicStatus(err).Err()
}

// publicStatus returns what of err may be sent: its status without what is for the service only, and no larger than a
// transport takes. An error whose own methods panic, such as a nil pointer that was made an error, is INTERNAL.
func publicStatus(err error) (st *status.Status) {
	defer func() { // it runs where nothing else recovers
		if recover() != nil {
			st = status.Convert(errInternal)
		}
	}()
	carrier, st := statusIn(err)
	switch carrier := carrier.(type) {
	case nil:
		return status.Convert(withoutStatus(err))
	case *fixed, *fault, *Error, *wrapped: // sendable as they were made
		return st
	case publicStatusCarrier:
		if st = carrier.PublicStatus(); st.Code() == codes.OK {
			return status.Convert(errUnknown)
		}
	}
	st = withKnownCode(st)
	if p := st.Proto(); makeSendable(p) {
		return status.FromProto(p)
	}
	return st
}

// publicStatusCarrier is an error whose status is not the one that the caller of a server gets.
type publicStatusCarrier interface{ PublicStatus() *status.Status }

// statusCarrier is an error that knows its status; those of grpc do, and those of this package.
type statusCarrier interface{ GRPCStatus() *status.Status }

// StatusOf returns the first status in the tree of err that is not OK; false where there is none.
// The caller of a server does not always get it: see [PublicStatus].
func StatusOf(err error) (*status.Status, bool) {
	_, st := statusIn(err)
	return st, st != nil
}

// statusIn returns the first status in the tree of err, and who carries it; nil where there is none but OK.
func statusIn(err error) (statusCarrier, *status.Status) {
	var carrier statusCarrier
	if errors.As(err, &carrier) {
		if st := carrier.GRPCStatus(); st.Code() != codes.OK {
			return carrier, st
		}
	}
	return nil, nil
}

// Statuses of errors that have none of their own, or none that is for callers.
var (
	errInternal = fixedOf(codes.Internal, ReasonInternal, "internal error")
	errDeadline = status.Error(codes.DeadlineExceeded, "deadline exceeded")
	errCanceled = status.Error(codes.Canceled, "canceled")
	errUnknown  = fixedOf(codes.Unknown, ReasonUnknown, "unknown error")
)

// withoutStatus returns the status of an error that carries none.
func withoutStatus(err error) error {
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return errDeadline
	case errors.Is(err, context.Canceled):
		return errCanceled
	}
	return errUnknown
}

// PublicStatus returns the status that the caller of a method gets that returns err: for
// responses that carry a status in a message, as those of batches and operations do. It is the
// status in the tree of err, never the text around it. An error without one is CANCELED or
// DEADLINE_EXCEEDED where it is a context's, and else UNKNOWN with a fixed text. Of nil it is OK.
//
// The error of a client call loses what its caller must not see; docs/errors.md has the rules.
// Likewise an error type may have a method PublicStatus() *status.Status, which then counts
// instead of its GRPCStatus.
func PublicStatus(err error) *status.Status {
	if err == nil {
		return status.New(codes.OK, "")
	}
	return publicStatus(err)
}
