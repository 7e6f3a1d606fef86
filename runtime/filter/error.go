package filter

import (
	"fmt"
	"strconv"
	"unicode/utf8"

	"google.golang.org/grpc/codes"

	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// ReasonInvalid is the reason of INVALID_ARGUMENT for a filter that is wrong. The violation is on the field that has the filter, and
// the metadata of ErrorInfo have the column where it is wrong, as "column": a count of characters from 1.
const ReasonInvalid rpcerr.Reason = "FILTER_INVALID"

// fault is what is wrong with a filter, and where.
type fault struct {
	at   Pos
	text string
}

// Error returns what is wrong, without the place.
func (f *fault) Error() string { return f.text }

func faultf(at Pos, format string, args ...any) *fault {
	return &fault{at: at, text: fmt.Sprintf(format, args...)}
}

// status returns the fault for the caller who sent the text in a field of the request.
func (f *fault) status(field, text string) error {
	column := utf8.RuneCountInString(text[:min(int(f.at), len(text))]) + 1
	return ReasonInvalid.Errorf(codes.InvalidArgument, "%s: column %d: %s", field, column, f.text).
		WithMetadata("column", strconv.Itoa(column)).
		WithViolations(rpcerr.Violation(field, "column %d: %s", column, f.text))
}

// shown is how many characters of a filter a fault quotes.
const shown = 40

// quote returns a piece of a filter for the text of a fault.
func quote(text string) string { return strconv.Quote(cut(text)) }

// brief returns an operand for the text of a fault, as the filter spells it.
func brief(operand Operand) string { return cut(operand.String()) }

// cut returns the first characters of a text.
func cut(text string) string {
	n := 0
	for at := range text {
		if n++; n > shown {
			return text[:at] + "…"
		}
	}
	return text
}
