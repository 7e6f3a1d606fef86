//go:build !race

// The race detector uses additional memory.

package limit_test

import (
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/grpcservice/grpcservice/runtime/limit"
)

// heapBytes returns the bytes that are in use.
func heapBytes() int {
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int(stats.HeapAlloc)
}

// TestKeyedRateMemory has a million principals and sees memory stay under the cap that is stated.
func TestKeyedRateMemory(t *testing.T) {
	const principals = 1_000_000
	for _, maxKeys := range []int{0, 100, 1024, 10_000, 200_000} {
		before, now := heapBytes(), time.Now()
		k := limit.NewKeyedRate(0.01, 5, maxKeys)
		empty := heapBytes() - before
		for i := range principals {
			k.Take(strconv.Itoa(i), now)
		}
		used := heapBytes() - before
		t.Logf("maxKeys %d: %d bytes at first, %d after %d keys, at most %d", maxKeys, empty, used, principals, k.MaxBytes())
		const others = 16_000 // what else the heap of a test grows by
		if used > k.MaxBytes()+others {
			t.Errorf("maxKeys %d: %d bytes, stated are %d", maxKeys, used, k.MaxBytes())
		}
		runtime.KeepAlive(k)
	}
	if got := limit.NewKeyedRate(1, 1, 0).MaxBytes(); got > 1_600_000 {
		t.Errorf("%d bytes for the default number of keys, documented are 1.6 million", got)
	}
}

// TestKeyedRateStaysSmall has a million principals one after the other: what need not be remembered
// takes no memory.
func TestKeyedRateStaysSmall(t *testing.T) {
	before, now := heapBytes(), time.Now()
	k := limit.NewKeyedRate(1000, 1, 0)
	for i := range 1_000_000 {
		now = now.Add(10 * time.Microsecond)
		if k.Take(strconv.Itoa(i), now) != 0 {
			t.Fatalf("key %d is rejected", i)
		}
	}
	if used := heapBytes() - before; used > 50_000 {
		t.Errorf("%d bytes where 100 keys are not whole at a time", used)
	}
	runtime.KeepAlive(k)
}
