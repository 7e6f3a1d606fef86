//go:build !race

// The race detector adds allocations.

package batch_test

import (
	"testing"

	batchv1 "github.com/grpcservice/grpcservice/internal/e2e/gen/batch/v1"
	"github.com/grpcservice/grpcservice/runtime/batch"
)

// TestAllocationsOfAChild counts what 900 more children cost when their function allocates nothing.
// A result is an allocation of reflection's; of an item that is a oneof, the oneof is another.
func TestAllocationsOfAChild(t *testing.T) {
	l := newLarge()
	few := &large{user: l.user,
		get:    &batchv1.GetUsersRequest{UserIds: l.get.GetUserIds()[:100]},
		create: &batchv1.CreateUsersRequest{Requests: l.create.GetRequests()[:100]},
		lookup: &batchv1.LookupUsersRequest{Names: l.lookup.GetNames()[:100]},
	}
	small, whole := eachOf(t.Context(), few), eachOf(t.Context(), l)
	for shape, most := range map[string]float64{"keyed": 0, "ordered": 1, "peritem": 2} {
		for _, concurrency := range []int{1, 8} {
			option := batch.WithConcurrency(concurrency)
			allocs := func(run func(...batch.Option) error) float64 {
				return testing.AllocsPerRun(20, func() {
					if err := run(option); err != nil {
						t.Fatal(err)
					}
				})
			}
			const growing = 40 // of lists and maps
			if got := allocs(whole[shape]) - allocs(small[shape]); got > most*900+growing {
				t.Errorf("%s, %d at a time: 900 more children cost %v allocations", shape, concurrency, got)
			}
		}
	}
}
