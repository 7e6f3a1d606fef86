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

// TestGroupCounts counts calls that one of two rates does not allow.
func TestGroupCounts(t *testing.T) {
	now := time.Now()
	g := limit.NewGroup(
		limit.Bucket{PerSecond: 1, Burst: 1, PerCaller: true},
		limit.Bucket{PerSecond: 1, Burst: 3},
	)
	for range 3 {
		g.Count("ada", now)
	}
	if rate, wait := g.Take("bob", now); rate != 1 || wait != time.Second {
		t.Errorf("rate %d, wait %v; want the common rate to have counted 3 calls", rate, wait)
	}
}

// TestGroupDistinguishes has more callers than a rate distinguishes, until the first are forgotten.
func TestGroupDistinguishes(t *testing.T) {
	now := time.Now()
	g := limit.NewGroup(
		limit.Bucket{PerSecond: 1, Burst: 1, PerCaller: true, MaxCallers: 2},
		limit.Bucket{PerSecond: 1, Burst: 9},
	)
	for i, want := range []bool{true, true, false, false} {
		caller := string(rune('a' + i))
		if got := g.Distinguishes(0, caller, now); got != want {
			t.Errorf("caller %d: distinguished %t, want %t", i, got, want)
		}
		g.Count(caller, now)
		if got := g.Distinguishes(0, caller, now); got != want {
			t.Errorf("caller %d, after a call: distinguished %t, want %t", i, got, want)
		}
		if !g.Distinguishes(1, caller, now) {
			t.Errorf("caller %d is not distinguished by a rate of all callers", i)
		}
	}
	if later := now.Add(time.Minute); !g.Distinguishes(0, "d", later) {
		t.Error("there is no room though the first callers have full bursts")
	}
}

// TestWaitOfAGroup holds that it is that of the rates that all callers share.
func TestWaitOfAGroup(t *testing.T) {
	now := time.Now()
	g := limit.NewGroup(
		limit.Bucket{PerSecond: 0.1, Burst: 1, PerCaller: true, MaxCallers: 10},
		limit.Bucket{PerSecond: 1, Burst: 2},
		limit.Bucket{PerSecond: 0.5, Burst: 2},
	)
	g.Take("a", now)
	if rate, wait := g.Wait(now); wait != 0 {
		t.Errorf("one caller has used up its rate: a wait of %v for %d", wait, rate)
	}
	g.Take("b", now)
	if rate, wait := g.Wait(now); rate != 2 || wait != 2*time.Second {
		t.Errorf("a wait of %v for %d, want 2s for 2", wait, rate)
	}
}
