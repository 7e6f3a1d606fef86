package client

import (
	"strconv"

	"google.golang.org/grpc/codes"
)

// codeSet is a set of status codes, a bit each.
type codeSet uint32

// codeSetOf returns the set of the codes with the names that gRPC uses. Unknown names are
// ignored.
func codeSetOf(names []string) (set codeSet) {
	for _, name := range names {
		if code, err := codeOf(name); err == nil {
			set |= 1 << code
		}
	}
	return set
}

func (s codeSet) has(code codes.Code) bool { return s>>code&1 != 0 }

// codeOf parses a status code: "UNAVAILABLE".
func codeOf(name string) (code codes.Code, err error) {
	err = code.UnmarshalJSON(strconv.AppendQuote(nil, name))
	return code, err
}

// parseInt32 parses a 32-bit number, the size that gRPC metadata uses.
func parseInt32(text string) (int32, error) {
	n, err := strconv.ParseInt(text, 10, 32)
	return int32(n), err
}
