//go:build !race

// The race detector adds allocations.

package hub

import (
	"testing"

	kindsv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/kinds/v1"
	"github.com/grpcservice/grpcservice/runtime/internal/alloctest"
)

// TestPublishAllocatesOnce counts what a message allocates from Publish until all members have
// taken it: an envelope and its encoded form, however many members there are.
func TestPublishAllocatesOnce(t *testing.T) {
	for name, opts := range map[string][]Option{
		"disconnect":  nil,
		"drop oldest": {WithSlow(DropOldest), WithQueue(1)},
		"drop newest": {WithSlow(DropNewest), WithQueue(1)},
		"conflate":    {WithConflate(func(*kindsv1.Request) int { return 1 })},
		"block":       {WithSlow(Block), WithQueue(2)},
		"bytes":       {WithMaxBytes(1), WithSlow(DropOldest)},
	} {
		for _, members := range []int{0, 1, 1000} {
			h := New[kindsv1.Request](opts...)
			var all []*Member[kindsv1.Request]
			for range members {
				m, err := h.Join(t.Context(), "x")
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, m)
			}
			msg := &kindsv1.Request{Count: 1}
			allocs := alloctest.Least(func() {
				for range 2 {
					if err := h.Publish(t.Context(), "x", msg); err != nil {
						t.Fatal(err)
					}
				}
				for _, m := range all {
					for ok := true; ok; {
						_, ok, _, _ = m.take()
					}
				}
			})
			const want = 4
			if allocs != want {
				t.Errorf("%s: two messages for %d members cost %v allocations, want %d",
					name, members, allocs, want)
			}
		}
	}
}
