package subscription

import (
	"cmp"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/policy"
)

// limitsIn returns the options of a policy, with the defaults for unset values.
func limitsIn(p runtime.Policy) options {
	return options{
		heartbeat: cmp.Or(p.Subscription.Heartbeat, policy.DefaultHeartbeat),
		maxLines:  cmp.Or(max(p.Subscription.MaxLines, 0), policy.DefaultMaxLines),
	}
}
