package hub

import (
	"testing"
	"time"

	kindsv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/kinds/v1"
	"github.com/grpcservice/grpcservice/runtime/policy"
)

// TestLimitsOfQueues holds which of the three places counts: a member's options, the hub's, or
// the policy.
func TestLimitsOfQueues(t *testing.T) {
	type options = []Option
	type member = []MemberOption
	for name, test := range map[string]struct {
		hub    []Option
		policy policy.Room
		member []MemberOption
		want   queueLimits
	}{
		"defaults": {want: queueLimits{64, 1 << 20, Disconnect, time.Second}},
		"default policy": {
			policy: policy.Room{Queue: 64, QueueBytes: 1 << 20},
			want:   queueLimits{64, 1 << 20, Disconnect, time.Second},
		},
		"policy": {
			policy: policy.Room{Queue: 3, QueueBytes: 4, Slow: policy.DropNewest},
			want:   queueLimits{3, 4, DropNewest, time.Second},
		},
		"policy blocks": {
			policy: policy.Room{Slow: policy.BlockOnSlow},
			want:   queueLimits{64, 1 << 20, Block, time.Second},
		},
		"policy drops": {
			policy: policy.Room{Slow: policy.DropOldest},
			want:   queueLimits{64, 1 << 20, DropOldest, time.Second},
		},
		"hub and policy": {
			hub:    options{WithQueue(7), WithSlow(DropOldest)},
			policy: policy.Room{Queue: 3, QueueBytes: 4},
			want:   queueLimits{7, 4, DropOldest, time.Second},
		},
		"all": {
			hub:    options{WithQueue(7), WithQueueBytes(8)},
			policy: policy.Room{Queue: 3},
			member: member{WithQueue(9), WithBlock(time.Minute)},
			want:   queueLimits{9, 8, Block, time.Minute},
		},
		"what makes no sense": {
			hub:    options{WithQueue(0), WithQueueBytes(-1)},
			policy: policy.Room{Queue: -3},
			want:   queueLimits{1, 1, Disconnect, time.Second},
		},
	} {
		h := New[kindsv1.Request](test.hub...)
		m := h.newMember(nil, policyLimits(test.policy), test.member)
		if *m.limits != test.want {
			t.Errorf("%s: got %+v, want %+v", name, *m.limits, test.want)
		}
		if shared := m.limits == &h.limits; shared != (h.limits == test.want) {
			t.Errorf("%s: shares the limits of the hub: %v", name, shared)
		}
	}
}
