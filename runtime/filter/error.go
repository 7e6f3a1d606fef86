package filter

import (
	"fmt"
	"strconv"
	"unicode/utf8"

	"google.golang.org/grpc/codes"

	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// ReasonInvalid is the reason of INVALID_ARGUMENT for an invalid filter. The violation is on the
// filter's field, and the metadata of ErrorInfo has the column of the mistake as "column", in
// characters from 1.
const ReasonInvalid rpcerr.Reason = "FILTER_INVALID"

// fault is a mistake in a filter and its position.
type fault struct {
	at   Pos
	text string
}

// Error returns the mistake without the position.
func (f *fault) Error() string { return f.text }

func faultf(at Pos, format string, args ...any) *fault {
	return &fault{at: at, text: fmt.Sprintf(format, args...)}
}

// status returns the error for the caller that sent the filter in a field of the request.
func (f *fault) status(field, text string) error {
	column := utf8.RuneCountInString(text[:min(int(f.at), len(text))]) + 1
	return ReasonInvalid.Errorf(codes.InvalidArgument, "%s: column %d: %s", field, column, f.text).
		WithMetadata("column", strconv.Itoa(column)).
		WithViolations(rpcerr.Violation(field, "column %d: %s", column, f.text))
}

// shown is the maximum number of characters of a filter that an error quotes.
const shown = 40

// quote quotes a part of a filter for an error.
func quote(text string) string { return strconv.Quote(cut(text)) }

// brief returns an operand in the filter's syntax, for an error.
func brief(operand Operand) string { return cut(operand.String()) }

// cut truncates a text.
func cut(text string) string {
	n := 0
	for at := range text {
		if n++; n > shown {
			return text[:at] + "…"
		}
	}
	return text
}
