package batch

import (
	"strconv"

	"google.golang.org/grpc/codes"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/policy"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// withDefaults returns limits with the defaults for unset values.
func withDefaults(limits runtime.Batch) runtime.Batch {
	if limits.MaxSize <= 0 {
		limits.MaxSize = policy.DefaultMaxBatchSize
	}
	if limits.Concurrency <= 0 {
		limits.Concurrency = policy.DefaultBatchConcurrency
	}
	return limits
}

// checkSize returns the error for a request with n items in the field called name, or nil.
func checkSize(name string, n int, limits runtime.Batch) error {
	switch {
	case n == 0 && !limits.AllowEmpty:
		return ReasonEmpty.Errorf(codes.InvalidArgument, "%s is empty; send 1 to %d", name, limits.MaxSize).
			WithMetadata("maxSize", strconv.Itoa(limits.MaxSize)).
			WithViolations(rpcerr.Violation(name, "must not be empty"))
	case n > limits.MaxSize:
		return ReasonTooLarge.Errorf(codes.InvalidArgument, "%s has %d elements; send at most %d", name, n, limits.MaxSize).
			WithMetadata("maxSize", strconv.Itoa(limits.MaxSize)).
			WithMetadata("size", strconv.Itoa(n)).
			WithViolations(rpcerr.Violation(name, "must have at most %d elements, has %d", limits.MaxSize, n))
	}
	return nil
}
