package runtime

import (
	"google.golang.org/grpc/codes"

	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// Generated code refers to the oldest runtime that it works with, so that it does not compile with
// an older one. A constant is never removed.
const (
	// IsAtLeastVersion0_1 exists in every runtime since version 0.1.0.
	IsAtLeastVersion0_1 = true
)

// Unimplemented returns the error of a method that is not implemented: UNIMPLEMENTED, reason
// METHOD_UNIMPLEMENTED.
func Unimplemented(service, method string) error {
	return rpcerr.ReasonUnimplemented.Errorf(codes.Unimplemented, "%s/%s is not implemented", service, method)
}
