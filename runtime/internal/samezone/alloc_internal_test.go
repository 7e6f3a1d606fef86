//go:build !race

// The race detector adds allocations.

package samezone

import (
	"testing"

	"google.golang.org/grpc/balancer"

	"github.com/grpcservice/grpcservice/runtime/internal/alloctest"
)

// TestAllocationsOfAPick checks that a pick allocates nothing besides what the child's does.
func TestAllocationsOfAPick(t *testing.T) {
	for _, child := range []string{"round_robin", "pick_first", "old", "least_request_experimental"} {
		c := start(t, map[string][]string{"here": {"a", "b", "c"}, "there": {"x"}}, child)
		c.set(ready, "a")
		one, _ := c.last()
		want := allocationsOf(t, one.Picker.(*onePicker).child)
		if want != 0 && child != "least_request_experimental" {
			t.Errorf("%s: a pick of the child allocates %v times", child, want)
		}
		c.set(ready, "x")
		two, _ := c.last()
		for _, p := range []balancer.Picker{one.Picker, two.Picker} {
			if got := allocationsOf(t, p); got != want {
				t.Errorf("%s: a pick of a %T allocates %v times, want %v", child, p, got, want)
			}
		}
	}
}

func allocationsOf(t *testing.T, p balancer.Picker) float64 {
	return alloctest.Least(func() {
		if r, err := p.Pick(balancer.PickInfo{}); err != nil || r.SubConn == nil {
			t.Fatal(r, err)
		}
	})
}
