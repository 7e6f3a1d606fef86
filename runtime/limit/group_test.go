package limit_test

import (
	"testing"
	"time"

	"github.com/grpcservice/grpcservice/runtime/limit"
)

// TestGroupCountsForAllRatesOrNone has each rate of a group reject calls that the others allow.
func TestGroupCountsForAllRatesOrNone(t *testing.T) {
	now := time.Now()
	g := limit.NewGroup(
		limit.Bucket{PerSecond: 1, Burst: 2, PerCaller: true},
		limit.Bucket{PerSecond: 0.1, Burst: 3},
	)
	for i, step := range []struct {
		caller string
		rate   int
		wait   time.Duration
	}{
		{"ada", 0, 0}, {"ada", 0, 0},
		{"ada", 0, time.Second}, {"ada", 0, time.Second}, // which the common rate does not count
		{"bob", 0, 0},                                              // the last call of the common rate
		{"bob", 1, 10 * time.Second}, {"bob", 1, 10 * time.Second}, // which bob's rate does not count
	} {
		if rate, wait := g.Take(step.caller, now); rate != step.rate || wait != step.wait {
			t.Errorf("step %d, %s: rate %d, wait %v; want %d, %v", i, step.caller, rate, wait, step.rate, step.wait)
		}
	}
	g.GiveBack("bob")
	for i, want := range []int{0, 0} { // two calls of bob's are left, one of the common rate
		if rate, wait := g.Take("bob", now); i == 0 && wait != 0 || i == 1 && (wait == 0 || rate == want) {
			t.Errorf("call %d after one was given back: rate %d, wait %v", i, rate, wait)
		}
	}
}
