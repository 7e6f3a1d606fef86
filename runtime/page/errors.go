package page

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"

	"google.golang.org/grpc/codes"

	"github.com/grpcservice/grpcservice/runtime/rpcerr"
	"github.com/grpcservice/grpcservice/runtime/seal"
)

// invalidField returns INVALID_ARGUMENT for one field of the request.
func invalidField(reason rpcerr.Reason, field, what string) *rpcerr.Error {
	return reason.Errorf(codes.InvalidArgument, "%s %s", field, what).
		WithMetadata("field", field).
		WithViolations(rpcerr.FieldViolation{Field: field, Description: what, Reason: reason.Name()})
}

// invalidToken returns why the token in a field is rejected; cause is for the log.
func invalidToken(field string, cause error) error {
	switch {
	case errors.Is(cause, seal.ErrExpired):
		return invalidField(ReasonTokenExpired, field, "has expired; start again with the first page").WithCause(cause)
	case errors.Is(cause, seal.ErrMismatch):
		return invalidField(ReasonTokenMismatch, field,
			"belongs to a request with other arguments; send the same arguments for each page, or start again with the first page").WithCause(cause)
	}
	return invalidField(ReasonTokenInvalid, field, "is not a token of this method; send a token unchanged, or none for the first page").
		WithCause(cause)
}

// fitsKey is the metadata key of the number of items that fit, for [ReasonTooLarge].
const fitsKey = "fits"

// tooLarge returns the error for a page of n items that exceeds the maximum size and cannot be
// cut.
func tooLarge(names Fields, n, bytes, fits int) error {
	field := cmp.Or(names.Size, names.Skip)
	what := fmt.Sprintf("results in a page of %d bytes; request at most %d items", bytes, fits)
	return ReasonTooLarge.Errorf(codes.ResourceExhausted, "%d items have %d bytes; request at most %d", n, bytes, fits).
		WithMetadata(fitsKey, strconv.Itoa(fits)).
		WithViolations(rpcerr.FieldViolation{Field: field, Description: what, Reason: ReasonTooLarge.Name()})
}

// misuse returns INTERNAL for a mistake of the service, described in its log.
func misuse(format string, args ...any) error {
	return rpcerr.ReasonInternal.Errorf(codes.Internal, "internal error").
		WithCause(fmt.Errorf("page: "+format, args...))
}

// Reasons of paging errors, as [rpcerr.ReasonOf] returns them. All but one belong to
// INVALID_ARGUMENT, with the field in BadRequest.
const (
	// ReasonTokenInvalid means that a page token is not a token of the method, was changed, or
	// was sealed with a key that is gone.
	ReasonTokenInvalid rpcerr.Reason = "PAGE_TOKEN_INVALID"
	// ReasonTokenExpired means that a page token has expired.
	ReasonTokenExpired rpcerr.Reason = "PAGE_TOKEN_EXPIRED"
	// ReasonTokenMismatch means that a page token came with other arguments than those that it
	// was issued for.
	ReasonTokenMismatch rpcerr.Reason = "PAGE_TOKEN_MISMATCH"
	// ReasonSizeInvalid means that a page size is negative.
	ReasonSizeInvalid rpcerr.Reason = "PAGE_SIZE_INVALID"
	// ReasonSkipInvalid means that the number of items to skip is negative, or higher than the
	// source supports; see [MaxSkip].
	ReasonSkipInvalid rpcerr.Reason = "PAGE_SKIP_INVALID"
	// ReasonOrderInvalid means that the method does not support an order.
	ReasonOrderInvalid rpcerr.Reason = "ORDER_INVALID"
	// ReasonTooLarge is the reason of RESOURCE_EXHAUSTED if the items of a list without page
	// tokens exceed the maximum size of a response. The metadata has the number of items that
	// fit, as "fits".
	ReasonTooLarge rpcerr.Reason = "PAGE_TOO_LARGE"
)
