package upload

import "github.com/grpcservice/grpcservice/runtime"

// limitsIn returns the limits of a policy.
func limitsIn(p runtime.Policy) limits {
	return limits{fileBytes: 1 << 30, totalBytes: 4 << 30, files: 1000}
}
