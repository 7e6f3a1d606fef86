package client

import (
	"strconv"

	"google.golang.org/grpc/codes"
)

// codeSet is a set of status codes, a bit each.
type codeSet uint32

// codeSetOf returns the codes that names spell as gRPC does. Names that are none name nothing.
func codeSetOf(names []string) (set codeSet) {
	for _, name := range names {
		if code, err := codeOf(name); err == nil {
			set |= 1 << code
		}
	}
	return set
}

func (s codeSet) has(code codes.Code) bool { return s>>code&1 != 0 }

// codeOf reads a status code as gRPC spells it: "UNAVAILABLE".
func codeOf(name string) (code codes.Code, err error) {
	err = code.UnmarshalJSON(strconv.AppendQuote(nil, name))
	return code, err
}

// parseInt32 reads a number of 32 bits, as metadata of gRPC holds them.
func parseInt32(text string) (int32, error) {
	n, err := strconv.ParseInt(text, 10, 32)
	return int32(n), err
}
