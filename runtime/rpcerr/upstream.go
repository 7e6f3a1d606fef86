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

// callError is the error of a call that a generated client made. The program that made the call
// reads the whole status. Where the error passes through a server, its caller gets
// [callError.PublicStatus].
type callError struct {
	err       error          // as the connection returned it
	st        *status.Status // with a code that gRPC knows
	forwarded bool           // whether the call had the credentials of the server call around it
}

func (e *callError) Error() string              { return e.err.Error() }
func (e *callError) Unwrap() error              { return e.err }
func (e *callError) GRPCStatus() *status.Status { return e.st }

// PublicStatus returns what the caller of a server gets whose method returns the error.
func (e *callError) PublicStatus() *status.Status { return passedOn(e.st, e.forwarded) }

// Upstream returns err, with which a connection ended a call that was made with ctx, as generated
// clients return it. It has a status. The program that made the call reads the whole status; if a
// method returns the error, its caller gets what [PublicStatus] describes.
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

// UpstreamStatus returns the whole status of the failed call of a generated client that err is, or
// wraps; false where there is none.
func UpstreamStatus(err error) (*status.Status, bool) {
	var call *callError
	if !errors.As(err, &call) {
		return nil, false
	}
	return call.st, true
}

// callStatus returns the status of a connection's error. Interceptors may return errors without
// one, and so does grpc where it runs out of retries before it could write the request: that
// wraps io.EOF.
func callStatus(err error) *status.Status {
	_, st := statusIn(err)
	switch {
	case st != nil:
		return withKnownCode(st)
	case errors.Is(err, io.EOF):
		return status.New(codes.Unavailable, err.Error())
	default:
		return status.FromContextError(err) // UNKNOWN with the text, where it is not a context's
	}
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

// passedOn returns what of the status of a call to another service may be sent to our own caller.
//
// A status can be the method's, or that of anything on the way to it: our connection, a proxy, a
// load balancer, whose texts name addresses. Only methods use some of the codes, and only methods
// add details. All others lose their message.
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

// onlyOfMethods reports whether gRPC libraries and proxies never make a status with the code
// themselves.
func onlyOfMethods(code codes.Code) bool {
	switch code {
	case codes.InvalidArgument, codes.NotFound, codes.AlreadyExists, codes.FailedPrecondition,
		codes.Aborted, codes.OutOfRange:
		return true
	}
	return false
}

// aboutCredentials reports whether a code is about who made a call.
func aboutCredentials(code codes.Code) bool {
	return code == codes.Unauthenticated || code == codes.PermissionDenied
}

// isInternal reports whether a code is about a fault of the service itself, whose message is for
// its log.
func isInternal(code codes.Code) bool {
	return code == codes.Internal || code == codes.Unknown || code == codes.DataLoss
}

// masked returns a status that has nothing but its code from a call to another service.
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

// dropInternals takes out of the details of an upstream's own failure what is not for programs.
func dropInternals(p *spb.Status) {
	if !isInternal(codes.Code(p.Code)) {
		return
	}
	p.Details = slices.DeleteFunc(p.Details, func(detail *anypb.Any) bool {
		return rank(detail) > 1 // neither ErrorInfo nor RetryInfo
	})
}

// forwardsCredentials reports whether a call with ctx sends the authorization of the server call
// around it.
func forwardsCredentials(ctx context.Context) bool {
	received := metadata.ValueFromIncomingContext(ctx, authorizationKey)
	sent, _ := metadata.FromOutgoingContext(ctx)
	return len(received) > 0 && slices.Equal(received, sent.Get(authorizationKey))
}

const authorizationKey = "authorization"

// OfRequests returns err, with which the caller's own stream of requests ended a call, as generated
// clients return it. It has a status: that of err, or of the context's error that it is, or UNKNOWN.
func OfRequests(err error) error {
	if _, ok := StatusOf(err); ok {
		return err
	}
	if st := status.FromContextError(err); st.Code() != codes.Unknown {
		return &failedRequest{err, st}
	}
	return &failedRequest{err, status.New(codes.Unknown, "the stream of requests failed: "+err.Error())}
}

// failedRequest is the error of a stream of requests, with the status of the call that it ends.
type failedRequest struct {
	error
	st *status.Status
}

func (f *failedRequest) Error() string              { return f.st.Err().Error() }
func (f *failedRequest) GRPCStatus() *status.Status { return f.st }
func (f *failedRequest) Unwrap() error              { return f.error }

// PublicStatus returns what the caller of a server gets whose method returns the error: not the
// text.
func (f *failedRequest) PublicStatus() *status.Status { return status.Convert(withoutStatus(f.error)) }
