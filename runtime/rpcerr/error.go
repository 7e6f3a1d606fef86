package rpcerr

import (
	"errors"
	"fmt"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// Error is an error for the caller of a method: a code, a message, a [Reason], details, and a cause that is for the log only.
// [Reason.Errorf] makes one. The With methods return a copy that has more, so that one Error may be the base of many:
//
//	return nil, libraryv1service.ReasonOutOfStock.Errorf(codes.FailedPrecondition, "%q is out of stock", isbn).
//		WithResource("library.example.com/Book", name, "").
//		WithRetryAfter(time.Hour).
//		WithCause(err)
//
// An error has one detail of a kind: what lists violations grows, all other details are replaced. Of an error that is larger
// than [MaxErrorSize] the details that do not fit are left out; ErrorInfo and RetryInfo are kept before others.
type Error struct {
	code    codes.Code
	message string
	details []proto.Message
	cause   error
}

// Errorf returns an error with the code, whose message is for the developer of the caller: English, with what is wrong and
// what to do about it.
//
// The message never shows an error. Where an argument is one, the message says what its code is ("not found", "unknown
// error"), and the error becomes a cause as if by [Error.WithCause]. Pass err.Error() to show its text.
//
// A code that is OK or that gRPC does not know is a mistake: the caller gets INTERNAL "internal error", and the log says why.
func (r Reason) Errorf(code codes.Code, format string, args ...any) *Error {
	if false {
		_ = fmt.Errorf(format, args...) // go vet checks the calls of what looks like this
	}
	message, cause := publicText(format, args)
	if code == codes.OK || code > codes.Unauthenticated {
		cause = errors.Join(fmt.Errorf("an error was made with the code %v: %s", code, message), cause)
		return ReasonInternal.Errorf(codes.Internal, "internal error").WithCause(cause)
	}
	e := &Error{code: code, message: message, cause: cause}
	if name := r.Name(); name != "" {
		e.details = []proto.Message{&errdetails.ErrorInfo{Domain: valid(r.Domain()), Reason: valid(name)}}
	}
	return e
}

// Error returns the message and the causes, for the log.
func (e *Error) Error() string {
	switch {
	case e == nil:
		return "<nil>"
	case e.cause == nil:
		return e.message
	}
	return e.message + ": " + e.cause.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error {
	if e == nil {
		return nil
	}
	return e.cause
}

// GRPCStatus returns what the caller gets; grpc calls it.
func (e *Error) GRPCStatus() *status.Status {
	if e == nil {
		return nil
	}
	p := &spb.Status{Code: int32(e.code), Message: e.message, Details: pack(e.details...)}
	makeSendable(p)
	return status.FromProto(p)
}
