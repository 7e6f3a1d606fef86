package rpcerr

import (
	"context"
	"errors"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// fixed is an error whose status is built once and sent as it is.
type fixed struct{ st *status.Status }

func (f *fixed) Error() string              { return f.st.String() }
func (f *fixed) GRPCStatus() *status.Status { return f.st }

// Fixed returns an error with the status of e, built once: for package-level errors that many
// calls return. It does not have the causes of e.
func (e *Error) Fixed() error { return &fixed{e.GRPCStatus()} }

// fixedOf is Errorf followed by Fixed, without the errors below that those two use.
func fixedOf(code codes.Code, reason Reason, message string) error {
	info := &errdetails.ErrorInfo{Reason: reason.Name(), Domain: reason.Domain()}
	return &fixed{status.FromProto(&spb.Status{Code: int32(code), Message: message, Details: pack(info)})}
}

// Hide returns an error whose caller receives the status of public; cause appears in the log
// only.
func Hide(public error, cause string) error { return &fault{status: public, cause: cause} }

// fault is an error with a status for the caller and a cause for the log.
type fault struct {
	status error
	cause  string
}

func (f *fault) Error() string              { return f.cause }
func (f *fault) GRPCStatus() *status.Status { return status.Convert(f.status) }

// Internal returns INTERNAL, reason INTERNAL, with a fixed message for the caller and cause for
// the log.
func Internal(cause string) error {
	return &fault{status: errInternal, cause: cause}
}

// Public returns the error that the caller of an RPC receives if the RPC fails with err: see
// [PublicStatus]. It returns errors of [Error.Fixed] unchanged.
func Public(err error) error {
	if f, ok := err.(*fixed); ok {
		return f
	}
	return publicStatus(err).Err()
}

// publicStatus returns the part of err that may be sent: its status without details that are for
// the service only, and no larger than transports accept. An error whose own methods panic, such
// as a nil pointer converted to an error, is INTERNAL.
func publicStatus(err error) (st *status.Status) {
	defer func() { // nothing above recovers
		if recover() != nil {
			st = status.Convert(errInternal)
		}
	}()
	carrier, st := statusIn(err)
	switch carrier := carrier.(type) {
	case nil:
		return status.Convert(withoutStatus(err))
	case *fixed, *fault, *Error, *wrapped: // sendable as built
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

// publicStatusCarrier is an error that shows the caller of a server a different status.
type publicStatusCarrier interface{ PublicStatus() *status.Status }

// statusCarrier is an error with a status. The errors of grpc and of this package implement it.
type statusCarrier interface{ GRPCStatus() *status.Status }

// StatusOf returns the first status in the tree of err that is not OK, or false if there is none.
// The caller of a server may receive a different status: see [PublicStatus].
func StatusOf(err error) (*status.Status, bool) {
	_, st := statusIn(err)
	return st, st != nil
}

// statusIn returns the first status in the tree of err that is not OK, with the error that
// carries it, or nil.
func statusIn(err error) (statusCarrier, *status.Status) {
	var carrier statusCarrier
	if errors.As(err, &carrier) {
		if st := carrier.GRPCStatus(); st.Code() != codes.OK {
			return carrier, st
		}
	}
	return nil, nil
}

// Errors for failures without a status, or without one that callers may see.
var (
	errInternal = fixedOf(codes.Internal, ReasonInternal, "internal error")
	errDeadline = status.Error(codes.DeadlineExceeded, "deadline exceeded")
	errCanceled = status.Error(codes.Canceled, "canceled")
	errUnknown  = fixedOf(codes.Unknown, ReasonUnknown, "unknown error")
)

// withoutStatus returns the error to send instead of err, which has no status.
func withoutStatus(err error) error {
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return errDeadline
	case errors.Is(err, context.Canceled):
		return errCanceled
	}
	return errUnknown
}

// PublicStatus returns the status that the caller receives if a method returns err. Use it for
// responses that carry a status in a message, as those of batches and operations do. It is the
// status in the tree of err, without the text of wrapping errors. Context errors without a status
// are CANCELED or DEADLINE_EXCEEDED; other errors without a status are UNKNOWN with a fixed
// message. If err is nil, the status is OK.
//
// Parts of a client call's error are hidden from the caller; docs/errors.md has the rules. Your
// own error type can have a method PublicStatus() *status.Status, which takes precedence over its
// GRPCStatus.
func PublicStatus(err error) *status.Status {
	if err == nil {
		return status.New(codes.OK, "")
	}
	return publicStatus(err)
}

// withKnownCode returns st with UNKNOWN instead of a code that gRPC does not define.
func withKnownCode(st *status.Status) *status.Status {
	if st.Code() <= codes.Unauthenticated {
		return st
	}
	p := st.Proto()
	p.Code = int32(codes.Unknown)
	return status.FromProto(p)
}

// wrapped is an error of another service in the form that our caller receives.
type wrapped struct {
	st    *status.Status
	doing string
	cause error
}
