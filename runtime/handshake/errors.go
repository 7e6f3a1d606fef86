package handshake

import (
	"fmt"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// Reasons of errors of handshakes, as [rpcerr.ReasonOf] returns them.
const (
	// ReasonMissing is the reason of INVALID_ARGUMENT if the first request is not a handshake, or
	// there is no request.
	ReasonMissing rpcerr.Reason = "HANDSHAKE_MISSING"
	// ReasonRepeated is the reason of INVALID_ARGUMENT if a later request is a handshake.
	ReasonRepeated rpcerr.Reason = "HANDSHAKE_REPEATED"
	// ReasonTimeout is the reason of DEADLINE_EXCEEDED if the first request does not arrive in
	// time.
	ReasonTimeout rpcerr.Reason = "HANDSHAKE_TIMEOUT"
)

// reject returns INVALID_ARGUMENT for the arm.
func reject(reason rpcerr.Reason, arm, what string) error {
	return reason.Errorf(codes.InvalidArgument, "%s %s", arm, what).
		WithMetadata("field", arm).
		WithViolations(rpcerr.FieldViolation{Field: arm, Description: what, Reason: reason.Name()})
}

// tooLate returns DEADLINE_EXCEEDED for a first request that has not arrived.
func tooLate(arm string, after time.Duration) error {
	return ReasonTimeout.Errorf(codes.DeadlineExceeded, "no %s was received within %v; send it first", arm, after).
		WithMetadata("field", arm)
}

// misuse returns INTERNAL for a mistake of the service, described in its log.
func misuse(format string, args ...any) error {
	return rpcerr.ReasonInternal.Errorf(codes.Internal, "internal error").
		WithCause(fmt.Errorf("handshake: "+format, args...))
}
