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

// refuse returns INVALID_ARGUMENT for what is wrong with one field of the request.
func refuse(reason rpcerr.Reason, field, what string) *rpcerr.Error {
	return reason.Errorf(codes.InvalidArgument, "%s %s", field, what).
		WithMetadata("field", field).
		WithViolations(rpcerr.FieldViolation{Field: field, Description: what, Reason: reason.Name()})
}

// refuseToken says why the token in a field cannot be used; cause is for the log.
func refuseToken(field string, cause error) error {
	switch {
	case errors.Is(cause, seal.ErrExpired):
		return refuse(ReasonTokenExpired, field, "has expired; begin again with the first page").WithCause(cause)
	case errors.Is(cause, seal.ErrMismatch):
		return refuse(ReasonTokenMismatch, field,
			"is of a request with other arguments; send the same ones with each page, or begin again with the first page").WithCause(cause)
	}
	return refuse(ReasonTokenInvalid, field, "is not a token of this method; send it as it was given out, or none for the first page").
		WithCause(cause)
}

// fitsKey is the key of the metadata of [ReasonTooLarge].
const fitsKey = "fits"

// tooLarge returns the error of a page that has n items of too many bytes, and cannot be cut.
func tooLarge(names Fields, n, bytes, fits int) error {
	field := cmp.Or(names.Size, names.Skip)
	what := fmt.Sprintf("asks for a page of %d bytes; ask for %d items at most, which have room", bytes, fits)
	return ReasonTooLarge.Errorf(codes.ResourceExhausted, "%d items have %d bytes; ask for %d at most", n, bytes, fits).
		WithMetadata(fitsKey, strconv.Itoa(fits)).
		WithViolations(rpcerr.FieldViolation{Field: field, Description: what, Reason: ReasonTooLarge.Name()})
}

// misuse returns INTERNAL for a mistake of the service, which is for its log.
func misuse(format string, args ...any) error {
	return rpcerr.ReasonInternal.Errorf(codes.Internal, "internal error").
		WithCause(fmt.Errorf("page: "+format, args...))
}
