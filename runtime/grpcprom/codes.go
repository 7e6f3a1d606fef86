package grpcprom

import (
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime"
)

// numCodes is the number of codes that gRPC defines.
const numCodes = int(codes.Unauthenticated) + 1

// codeOf returns the code of an error; codes that gRPC does not define are UNKNOWN, as they are for
// callers.
func codeOf(err error) codes.Code {
	if err == nil {
		return codes.OK
	}
	code := codes.Unknown
	if st, ok := status.FromError(err); ok {
		code = st.Code()
	} else {
		code = status.FromContextError(err).Code()
	}
	if int(code) >= numCodes {
		return codes.Unknown
	}
	return code
}

// likelyCodes returns a bit for each code that calls of a method can return by its policy: success,
// what any method may return, and what the checks that the policy requires return.
func likelyCodes(info runtime.MethodInfo) (bits uint32) {
	p := info.Policy
	add := func(is bool, codes ...codes.Code) {
		for _, code := range codes {
			if is {
				bits |= 1 << code
			}
		}
	}
	add(true, codes.OK, codes.Canceled, codes.Unknown, codes.DeadlineExceeded, codes.Internal,
		codes.Unavailable)
	add(p.Validate || p.Page.MaxSize > 0 || p.Batch.MaxSize > 0, codes.InvalidArgument)
	add(len(p.Rates) > 0 || p.MaxRequestBytes > 0, codes.ResourceExhausted)
	add(p.Auth != nil && !p.Auth.Public, codes.Unauthenticated)
	add(p.Permission.Name != "" || p.Auth != nil && !p.Auth.Public, codes.PermissionDenied)
	return bits
}

// expect makes the series of codes exist.
func (m *method) expect(bits uint32) { m.expected.Or(bits) }

// expects reports whether the series of a code exists at zero.
func (m *method) expects(code int) bool { return m.expected.Load()&(1<<code) != 0 }
