package runtime

import (
	"context"
	"errors"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// ErrorDomain is the domain in the ErrorInfo detail of every error that the runtime itself makes (AIP-193).
const ErrorDomain = "grpcservice"

// Reasons in the ErrorInfo detail of the errors that the runtime itself makes.
const (
	// ReasonInternal is the reason of INTERNAL after a panic or a misuse that only the service's log describes.
	ReasonInternal = "INTERNAL"
	// ReasonUnknown is the reason of UNKNOWN, which hides an error that carries no status.
	ReasonUnknown = "UNKNOWN"
	// ReasonUnimplemented is the reason of UNIMPLEMENTED.
	ReasonUnimplemented = "METHOD_UNIMPLEMENTED"
	// ReasonDraining is the reason of UNAVAILABLE on a server that shuts down.
	ReasonDraining = "SERVER_DRAINING"
)

// Unimplemented returns the error of a method that is not written yet: UNIMPLEMENTED, reason METHOD_UNIMPLEMENTED.
func Unimplemented(service, method string) error {
	return newError(codes.Unimplemented, ReasonUnimplemented, service+"/"+method+" is not implemented")
}

// newError returns a status with the ErrorInfo that every error of the runtime carries.
func newError(code codes.Code, reason, message string) error {
	st, err := status.New(code, message).WithDetails(&errdetails.ErrorInfo{Reason: reason, Domain: ErrorDomain})
	if err != nil { // only for code OK, which nobody passes
		return status.Error(code, message)
	}
	return st.Err()
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
	return &fault{status: newError(codes.Internal, ReasonInternal, "internal error"), cause: cause}
}

// statusOf returns what the caller of an RPC that failed with err is told: the status that was made to be told, never the
// text around it. A context's error becomes CANCELED or DEADLINE_EXCEEDED, or UNAVAILABLE where a shutdown cancelled the
// call; an error without status becomes UNKNOWN with a fixed text.
func (c *callContext) statusOf(err error) *status.Status {
	st := publicStatus(err)
	if st.Code() == codes.Canceled && context.Cause(c) == errDraining {
		return status.Convert(errDraining)
	}
	return st
}

// publicStatus is statusOf outside a call. An error that panics when it is asked, as a nil pointer may, becomes INTERNAL.
func publicStatus(err error) (st *status.Status) {
	defer func() {
		if recover() != nil {
			st = status.Convert(internalError("the error panics"))
		}
	}()
	var carrier interface{ GRPCStatus() *status.Status }
	if errors.As(err, &carrier) {
		if st := carrier.GRPCStatus(); st != nil && st.Code() != codes.OK {
			return st
		}
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return status.New(codes.DeadlineExceeded, "deadline exceeded")
	case errors.Is(err, context.Canceled):
		return status.New(codes.Canceled, "canceled")
	}
	return status.Convert(newError(codes.Unknown, ReasonUnknown, "unknown error"))
}
