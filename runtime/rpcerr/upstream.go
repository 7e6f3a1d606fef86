package rpcerr

import (
	"context"
	"errors"
	"io"
	"slices"

	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/anypb"
)

// callError is the error of a call made by a generated client. The program that made the call
// sees the whole status. If the error passes through a server, its caller receives
// [callError.PublicStatus].
type callError struct {
	err       error          // as the connection returned it
	st        *status.Status // with a code that gRPC knows
	forwarded bool           // the call carried the credentials of the surrounding server call
}

func (e *callError) Error() string              { return e.err.Error() }
func (e *callError) Unwrap() error              { return e.err }
func (e *callError) GRPCStatus() *status.Status { return e.st }

// PublicStatus returns the status that the caller receives if a server's method returns the
// error.
func (e *callError) PublicStatus() *status.Status { return passedOn(e.st, e.forwarded) }

// Upstream returns the error of a generated client for err, which a call made with ctx failed
// with. It has a status. The program that made the call sees the whole status; if a method
// returns the error, its caller receives what [PublicStatus] describes.
func Upstream(ctx context.Context, err error) error {
	if _, ok := err.(*callError); ok { // an interceptor made another call
		return err
	}
	e := &callError{err: err, st: callStatus(err)}
	if aboutCredentials(e.st.Code()) {
		e.forwarded = forwardsCredentials(ctx)
	}
	return e
}

// UpstreamStatus returns the whole status of the failed client call that err is or wraps, or
// false if there is none.
func UpstreamStatus(err error) (*status.Status, bool) {
	var call *callError
	if !errors.As(err, &call) {
		return nil, false
	}
	return call.st, true
}

// callStatus returns the status of a connection's error. Interceptors may return errors without a
// status. So does grpc if it runs out of retries before it could write the request: that error
// wraps io.EOF.
func callStatus(err error) *status.Status {
	_, st := statusIn(err)
	switch {
	case st != nil:
		return withKnownCode(st)
	case errors.Is(err, io.EOF):
		return status.New(codes.Unavailable, err.Error())
	default:
		return status.FromContextError(err) // UNKNOWN with the text unless it is a context error
	}
}

// passedOn returns the part of the status of a call to another service that may be sent to our
// own caller.
//
// A status may come from the method or from anything on the way to it: our connection, a proxy, a
// load balancer, whose messages name addresses. Some codes are used by methods only, and only
// methods add details. All other statuses lose their message.
func passedOn(st *status.Status, forwarded bool) *status.Status {
	p, code := st.Proto(), st.Code()
	switch {
	case onlyOfMethods(code):
		return st
	case aboutCredentials(code) && !forwarded: // our caller cannot change this server's credentials
		return masked(codes.Internal)
	}
	dropInternals(p)
	if len(p.Details) == 0 {
		return masked(code)
	}
	if isInternal(code) {
		p.Message = maskedMessage(code)
	}
	return status.FromProto(p)
}

// onlyOfMethods reports whether gRPC libraries and proxies never create a status with the code
// themselves.
func onlyOfMethods(code codes.Code) bool {
	switch code {
	case codes.InvalidArgument, codes.NotFound, codes.AlreadyExists, codes.FailedPrecondition,
		codes.Aborted, codes.OutOfRange:
		return true
	}
	return false
}

// aboutCredentials reports whether a code is about the identity of the caller.
func aboutCredentials(code codes.Code) bool {
	return code == codes.Unauthenticated || code == codes.PermissionDenied
}

// isInternal reports whether a code is about a fault of the service itself, whose message is for
// its log.
func isInternal(code codes.Code) bool {
	return code == codes.Internal || code == codes.Unknown || code == codes.DataLoss
}

// masked returns a status with only the code of a call to another service.
func masked(code codes.Code) *status.Status {
	switch code {
	case codes.Canceled:
		return status.Convert(errCanceled)
	case codes.DeadlineExceeded:
		return status.Convert(errDeadline)
	}
	return ReasonUpstreamFailed.Errorf(code, "%s", maskedMessage(code)).GRPCStatus()
}

func maskedMessage(code codes.Code) string {
	return "a call to another service failed: " + CodeWords(code)
}

// dropInternals drops the details of an upstream's internal failure that are not for programs.
func dropInternals(p *spb.Status) {
	if !isInternal(codes.Code(p.Code)) {
		return
	}
	p.Details = slices.DeleteFunc(p.Details, func(detail *anypb.Any) bool {
		return rank(detail) > 1 // neither ErrorInfo nor RetryInfo
	})
}

// forwardsCredentials reports whether a call with ctx sends the authorization of the surrounding
// server call.
func forwardsCredentials(ctx context.Context) bool {
	received := metadata.ValueFromIncomingContext(ctx, authorizationKey)
	sent, _ := metadata.FromOutgoingContext(ctx)
	return len(received) > 0 && slices.Equal(received, sent.Get(authorizationKey))
}

const authorizationKey = "authorization"

// OfRequests returns the error of a generated client for err, which the caller's own request
// stream failed with. Its status is that of err, that of the context error that err is, or
// UNKNOWN.
func OfRequests(err error) error {
	if _, ok := StatusOf(err); ok {
		return err
	}
	if st := status.FromContextError(err); st.Code() != codes.Unknown {
		return &failedRequest{err, st}
	}
	return &failedRequest{err, status.New(codes.Unknown, "the request stream failed: "+err.Error())}
}

// failedRequest is the error of a request stream, with the status of the call that it ends.
type failedRequest struct {
	error
	st *status.Status
}

func (f *failedRequest) Error() string              { return f.st.Err().Error() }
func (f *failedRequest) GRPCStatus() *status.Status { return f.st }
func (f *failedRequest) Unwrap() error              { return f.error }

// PublicStatus returns the status that the caller receives if a server's method returns the
// error, without the text.
func (f *failedRequest) PublicStatus() *status.Status { return status.Convert(withoutStatus(f.error)) }
