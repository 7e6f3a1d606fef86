//go:build !race

// The race detector adds allocations.

package redislimit

import (
	"context"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/redislimit/internal/redistest"
)

// TestAllocations measures calls while Redis is away, and those of callers that it has rejected.
func TestAllocations(t *testing.T) {
	ctx := context.Background()
	away := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"})
	defer away.Close()
	l, log := newLimiter(t, away)
	awaitAway(t, l, log)
	r := bind(l, "M", benchRates...)
	// Probes allocate too, so it is the least of several runs
	least := 1e9
	for range 20 {
		least = min(least, testing.AllocsPerRun(100, func() { r.Take(ctx, "ada") }))
	}
	if least != 0 {
		t.Errorf("a call while Redis is away has %v allocations, want none", least)
	}
	l, _ = newLimiter(t, redistest.Start(t).Client(), WithTimeout(generous))
	r = bind(l, "M", runtime.Rate{PerSecond: slow, Burst: 1, Key: runtime.ByPrincipal}, benchRates[1])
	least = 1e9
	for range 20 {
		least = min(least, testing.AllocsPerRun(100, func() { r.Take(ctx, "ada") }))
	}
	if least != 0 {
		t.Errorf("a call of a caller that Redis has rejected has %v allocations, want none", least)
	}
	r = bind(l, "Shared", benchRates...)
	if got := testing.AllocsPerRun(200, func() { r.Take(ctx, "ada") }); got > 30 {
		t.Errorf("a call that Redis decides has %v allocations, go-redis's included; want at most 30", got)
	}
}
