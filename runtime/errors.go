package runtime

import (
	"context"
	"errors"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// Unimplemented returns the error of a method that is not written yet: UNIMPLEMENTED, reason METHOD_UNIMPLEMENTED.
func Unimplemented(service, method string) error {
	return newError(codes.Unimplemented, ReasonUnimplemented, service+"/"+method+" is not implemented")
}

// made is an error of the runtime itself. Its status is what its caller gets, as it stands.
type made struct{ st *status.Status }

func (m *made) Error() string              { return m.st.String() }
func (m *made) GRPCStatus() *status.Status { return m.st }

// newError returns an error with an ErrorInfo of the runtime's domain, then details. It never fails: a detail that cannot be
// encoded, or is too large to be sent, is left out. A code of OK is a fault.
func newError(code codes.Code, reason, message string, details ...proto.Message) error {
	if code == codes.OK {
		return internalError("an error was made with the code OK: " + message)
	}
	return newStatus(code, reason, message, details...)
}

// newStatus makes errors of codes that are not OK.
func newStatus(code codes.Code, reason, message string, details ...proto.Message) error {
	details = append([]proto.Message{&errdetails.ErrorInfo{Reason: reason, Domain: ErrorDomain}}, details...)
	p := &spb.Status{Code: int32(code), Message: message, Details: pack(details...)}
	makeSendable(p)
	return &made{status.FromProto(p)}
}

// fault is a failure whose cause is for the log and whose status is for the caller.
type fault struct {
	status error
	cause  string
}

func (f *fault) Error() string              { return f.cause }
func (f *fault) GRPCStatus() *status.Status { return status.Convert(f.status) }

// internalError returns INTERNAL with a fixed text for the caller and cause for the log.
func internalError(cause string) error {
	return &fault{status: errInternal, cause: cause}
}

// publicError returns what the caller of an RPC that failed with err gets: the status that was made to be told, never the text around
// it. A context's error becomes CANCELED or DEADLINE_EXCEEDED, or [ErrDraining] where a shutdown cancelled the call; an error
// without status becomes UNKNOWN with a fixed text. What the runtime itself rejects calls with was made once, for all of them.
func (c *callContext) publicError(err error) error {
	if m, ok := err.(*made); ok {
		return m
	}
	st := publicStatus(err)
	if st.Code() == codes.Canceled && c.drained.Load() {
		return ErrDraining
	}
	return st.Err()
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
	case *made, *fault, *Error, *wrapped: // sendable as they were made
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
	errInternal = newStatus(codes.Internal, ReasonInternal, "internal error")
	errDeadline = status.Error(codes.DeadlineExceeded, "deadline exceeded")
	errCanceled = status.Error(codes.Canceled, "canceled")
	errUnknown  = newError(codes.Unknown, ReasonUnknown, "unknown error")
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
