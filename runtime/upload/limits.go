package upload

import (
	"cmp"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/policy"
)

// limitsIn returns the limits of a policy, with the defaults for unset values.
func limitsIn(p runtime.Policy) limits {
	return limits{
		fileBytes:  cmp.Or(p.Upload.MaxFileBytes, policy.DefaultMaxFileBytes),
		totalBytes: cmp.Or(p.Upload.MaxTotalBytes, policy.DefaultMaxUploadBytes),
		files:      cmp.Or(p.Upload.MaxFiles, policy.DefaultMaxFiles),
	}
}
