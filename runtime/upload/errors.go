package upload

import (
	"fmt"
	"strconv"

	"google.golang.org/grpc/codes"

	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// invalid returns INVALID_ARGUMENT for a field of the request at an index of the stream.
func invalid(reason rpcerr.Reason, message int64, field, format string, args ...any) *rpcerr.Error {
	what := fmt.Sprintf(format, args...)
	return reason.Errorf(codes.InvalidArgument, "message %d: %s %s", message, field, what).
		WithMetadata("field", field).WithMetadata("message", strconv.FormatInt(message, 10)).
		WithViolations(rpcerr.FieldViolation{Field: field, Description: what, Reason: reason.Name()})
}

// tooLarge returns RESOURCE_EXHAUSTED for more bytes than the method accepts of what.
func tooLarge(what string, limit int64) error {
	return ReasonTooLarge.Errorf(codes.ResourceExhausted, "%s of more than %d bytes; the method accepts no larger ones", what, limit).
		WithMetadata("maxBytes", strconv.FormatInt(limit, 10))
}

// misuse returns INTERNAL for a mistake of the service or the caller, described in the log.
func misuse(format string, args ...any) error {
	return rpcerr.ReasonInternal.Errorf(codes.Internal, "internal error").WithCause(fmt.Errorf("upload: "+format, args...))
}
