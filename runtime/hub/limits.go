package hub

import (
	"cmp"
	"time"

	"github.com/grpcservice/grpcservice/runtime/policy"
)

// queueLimits bound a queue; what is 0 is not set. Members with the limits of their hub share one
// value.
type queueLimits struct {
	messages int
	bytes    int64
	slow     Slow
	block    time.Duration
}

// or returns the limits with those of other where they are not set.
func (l queueLimits) or(other queueLimits) queueLimits {
	return queueLimits{
		messages: cmp.Or(l.messages, other.messages),
		bytes:    cmp.Or(l.bytes, other.bytes),
		slow:     cmp.Or(l.slow, other.slow),
		block:    cmp.Or(l.block, other.block),
	}
}

// defaultLimits are those of a queue for which nothing is set.
func defaultLimits() queueLimits {
	return queueLimits{
		messages: DefaultQueue, bytes: DefaultQueueBytes, slow: Disconnect, block: DefaultBlock,
	}
}

// policyLimits returns what the policy of an RPC states.
func policyLimits(room policy.Room) queueLimits {
	limits := queueLimits{messages: max(room.Queue, 0), bytes: max(room.QueueBytes, 0)}
	switch room.Slow {
	case policy.DropOldest:
		limits.slow = DropOldest
	case policy.DropNewest:
		limits.slow = DropNewest
	case policy.BlockOnSlow:
		limits.slow = Block
	}
	return limits
}
