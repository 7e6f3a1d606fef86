package search

import (
	"fmt"

	"google.golang.org/grpc/codes"

	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// ReasonLimitInvalid is the reason of INVALID_ARGUMENT if the limit of a request is negative.
const ReasonLimitInvalid rpcerr.Reason = "SEARCH_LIMIT_INVALID"

// invalidLimit returns INVALID_ARGUMENT for the limit in a field of a request.
func invalidLimit(field string) error {
	const what = "must not be negative; omit it to set no limit"
	return ReasonLimitInvalid.Errorf(codes.InvalidArgument, "%s %s", field, what).
		WithMetadata("field", field).
		WithViolations(rpcerr.FieldViolation{Field: field, Description: what, Reason: ReasonLimitInvalid.Name()})
}

// misuse returns INTERNAL for a mistake of the service, described in its log.
func misuse(format string, args ...any) error {
	return rpcerr.ReasonInternal.Errorf(codes.Internal, "internal error").
		WithCause(fmt.Errorf("search: "+format, args...))
}
