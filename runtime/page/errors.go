package page

import (
	"errors"
	"fmt"

	"google.golang.org/grpc/codes"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/seal"
)

// refuse returns INVALID_ARGUMENT for what is wrong with one field of the request.
func refuse(reason, field, what string) *runtime.Error {
	return runtime.Reason(reason).Errorf(codes.InvalidArgument, "%s %s", field, what).
		WithMetadata("field", field).
		WithViolations(runtime.FieldViolation{Field: field, Description: what, Reason: reason})
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

// misuse returns INTERNAL for a mistake of the service, which is for its log.
func misuse(format string, args ...any) error {
	return runtime.Reason(runtime.ReasonInternal).Errorf(codes.Internal, "internal error").
		WithCause(fmt.Errorf("page: "+format, args...))
}
