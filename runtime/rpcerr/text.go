package rpcerr

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"google.golang.org/grpc/codes"
)

// publicText formats a message for a caller. An argument that is an error appears as the words
// for its code and becomes the cause.
func publicText(format string, args []any) (text string, cause error) {
	var causes []error
	for i, arg := range args {
		err, ok := arg.(error)
		if !ok {
			continue
		}
		if causes == nil {
			args = slices.Clone(args) // args belongs to the caller
		}
		causes = append(causes, err)
		args[i] = words(CodeWords(publicStatus(err).Code()))
	}
	if len(causes) == 1 {
		cause = causes[0]
	} else {
		cause = errors.Join(causes...)
	}
	return fmt.Errorf(format, args...).Error(), cause // Errorf supports %w
}

// words is a text that replaces an error argument.
type words string

func (w words) Error() string { return string(w) }

// CodeWords returns the words for a code: "not found". Those of INTERNAL are "internal error";
// those of UNKNOWN and of codes that gRPC does not define are "unknown error".
func CodeWords(code codes.Code) string {
	switch {
	case code == codes.Internal:
		return "internal error"
	case code == codes.Unknown || code > codes.Unauthenticated:
		return "unknown error"
	}
	var text strings.Builder
	for i, r := range code.String() { // "NotFound"
		if i > 0 && unicode.IsUpper(r) {
			text.WriteByte(' ')
		}
		text.WriteRune(unicode.ToLower(r))
	}
	return text.String()
}
