package rpcerr

import (
	"fmt"
	"strings"

	"google.golang.org/grpc/codes"
)

// Violation returns a violation of the field at a path from the request, in proto names:
//
//	rpcerr.Violation("book.isbn", "must have 13 digits, has %d", len(digits))
//
// The text of arguments that are errors is not shown; see [Reason.Errorf].
func Violation(field, format string, args ...any) FieldViolation {
	if false {
		_ = fmt.Sprintf(format, args...) // makes go vet check the calls of Violation
	}
	description, _ := publicText(format, args)
	return FieldViolation{Field: field, Description: description}
}

// Invalid returns INVALID_ARGUMENT, reason INVALID_REQUEST, with all violations of a request.
// Like errors.Join, it returns nil if there are none:
//
//	if err := rpcerr.Invalid(check(req)...); err != nil {
//		return nil, err
//	}
//
// The caller receives the violations in a BadRequest detail, and the first three in the message
// too. To use your own reason, call [Reason.Errorf] and [Error.WithViolations].
func Invalid(violations ...FieldViolation) error {
	if len(violations) == 0 {
		return nil
	}
	return ReasonInvalidRequest.Errorf(codes.InvalidArgument, "%s", invalidMessage(violations)).WithViolations(violations...)
}

// shownViolations is the number of violations in the message of [Invalid]. The detail has all of
// them.
const shownViolations = 3

func invalidMessage(violations []FieldViolation) string {
	var text strings.Builder
	text.WriteString("invalid request")
	separator := ": "
	for _, v := range violations[:min(len(violations), shownViolations)] {
		text.WriteString(separator)
		if v.Field != "" { // otherwise it is the request that is wrong
			text.WriteString(v.Field + ": ")
		}
		text.WriteString(v.Description)
		separator = "; "
	}
	if more := len(violations) - shownViolations; more > 0 {
		fmt.Fprintf(&text, "; and %d more", more)
	}
	return text.String()
}
