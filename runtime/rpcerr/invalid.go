package rpcerr

import (
	"fmt"
	"strings"

	"google.golang.org/grpc/codes"
)

// FieldViolation is what is wrong with one field of a request.
type FieldViolation struct {
	Field       string // the path from the request, by the names of the proto: "book.authors[2].name"
	Description string // English, for the developer who sent it: "must have 13 digits"
	Reason      string // for programs, optional: "ISBN_CHECKSUM"
}

// Violation returns what is wrong with the field at a path from the request, by the names of the proto:
//
//	rpcerr.Violation("book.isbn", "must have 13 digits, has %d", len(digits))
//
// Arguments that are errors are not shown; see [Reason.Errorf].
func Violation(field, format string, args ...any) FieldViolation {
	if false {
		_ = fmt.Sprintf(format, args...) // go vet checks the calls of what looks like this
	}
	description, _ := publicText(format, args)
	return FieldViolation{Field: field, Description: description}
}

// Invalid returns INVALID_ARGUMENT, reason INVALID_REQUEST, with all that is wrong with a request. As errors.Join does, it
// returns nil where there is nothing:
//
//	if err := rpcerr.Invalid(check(req)...); err != nil {
//		return nil, err
//	}
//
// Its caller gets the violations in a BadRequest detail, the first three in the message too. For a reason of your own there
// is [Reason.Errorf] with [Error.WithViolations].
func Invalid(violations ...FieldViolation) error {
	if len(violations) == 0 {
		return nil
	}
	return ReasonInvalidRequest.Errorf(codes.InvalidArgument, "%s", invalidMessage(violations)).WithViolations(violations...)
}

// shownViolations is how many violations the message of [Invalid] has; the detail has all.
const shownViolations = 3

func invalidMessage(violations []FieldViolation) string {
	var text strings.Builder
	text.WriteString("invalid request")
	separator := ": "
	for _, v := range violations[:min(len(violations), shownViolations)] {
		fmt.Fprintf(&text, "%s%s: %s", separator, v.Field, v.Description)
		separator = "; "
	}
	if more := len(violations) - shownViolations; more > 0 {
		fmt.Fprintf(&text, "; and %d more", more)
	}
	return text.String()
}
