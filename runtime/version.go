package runtime

import (
	"google.golang.org/grpc/codes"

	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// Generated code names the oldest runtime it works with by one of these constants, so that an older one does not compile
// with it. A constant is never removed.
const (
	// IsAtLeastVersion0_1 is in every runtime from version 0.1.0 on.
	IsAtLeastVersion0_1 = true
)

// Unimplemented returns the error of a method that is not written yet: UNIMPLEMENTED, reason
// METHOD_UNIMPLEMENTED.
func Unimplemented(service, method string) error {
	return rpcerr.ReasonUnimplemented.Errorf(codes.Unimplemented, "%s/%s is not implemented", service, method)
}
