//go:build !race

// The race detector adds allocations.

package limit_test

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/grpcservice/grpcservice/runtime/limit"
)

// TestCallsAllocateNothing measures the allocations of calls that are allowed or rejected, with
// known keys, new keys, and keys beyond the maximum.
func TestCallsAllocateNothing(t *testing.T) {
	now, ctx := time.Now(), context.Background()
	var keys [4096]string
	for i := range keys {
		keys[i] = "key " + strconv.Itoa(i)
	}
	next := 0
	key := func() string { next++; return keys[next%len(keys)] }

	rate, empty := limit.NewRate(1, 1e6), limit.NewRate(1, 1)
	keyed, full, turning := limit.NewKeyedRate(1, 1e6, 0), limit.NewKeyedRate(1e-3, 1, 100), limit.NewKeyedRate(1e9, 1, 100)
	for _, k := range []*limit.KeyedRate{full, turning} { // grows the tables
		for range keys {
			k.Take(key(), now)
		}
	}
	group := limit.NewGroup(limit.Bucket{PerSecond: 1, Burst: 1e6, PerCaller: true}, limit.Bucket{PerSecond: 1, Burst: 500})
	fixed, adaptive, busy := limit.NewConcurrency(5, time.Second), limit.NewAdaptive(5, time.Second), limit.NewConcurrency(1, 0)
	busy.Acquire(ctx, "")
	for name, call := range map[string]func(){
		"Rate":                  func() { rate.Take(now) },
		"Rate, rejected":        func() { empty.Take(now) },
		"KeyedRate":             func() { keyed.Take("me", now) },
		"KeyedRate, overflow":   func() { full.Take(key(), now) },
		"KeyedRate, new keys":   func() { now = now.Add(time.Second); turning.Take(key(), now) },
		"Group, then refused":   func() { group.Take("me", now) },
		"Concurrency":           func() { fixed.Acquire(ctx, ""); fixed.Release(time.Second, true) },
		"Concurrency, adaptive": func() { adaptive.Acquire(ctx, ""); adaptive.Release(time.Second, true) },
		"Concurrency, rejected": func() { busy.Acquire(ctx, "") },
	} {
		if allocs := testing.AllocsPerRun(1000, call); allocs != 0 {
			t.Errorf("%s: %v allocations, want none", name, allocs)
		}
	}
}
