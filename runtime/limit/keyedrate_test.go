package limit_test

import (
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/grpcservice/grpcservice/runtime/limit"
)

// model is a KeyedRate that remembers all keys, for one goroutine: the TAT of each in nanoseconds.
type model struct {
	interval, span time.Duration
	tats           map[string]time.Duration
}

func newModel(interval time.Duration, burst int) *model {
	return &model{interval, time.Duration(burst) * interval, make(map[string]time.Duration)}
}

// wait is how long a call at now must wait.
func (m *model) wait(key string, now time.Duration) time.Duration {
	tat, ok := m.tats[key]
	if !ok || tat < now {
		tat = now
	}
	return max(0, tat+m.interval-m.span-now)
}

// take counts a call.
func (m *model) take(key string, now time.Duration) {
	tat, ok := m.tats[key]
	if !ok || tat < now {
		tat = now
	}
	m.tats[key] = tat + m.interval
}

// TestKeyedRateFits uses no more keys at a time, of those without a full burst, than the KeyedRate
// remembers: each has exactly what it would have with unbounded memory.
func TestKeyedRateFits(t *testing.T) {
	const interval, burst = 10 * time.Millisecond, 3
	for _, test := range []struct{ keys, maxKeys, callsPerInterval int }{
		// Rejected half the time
		{1, 1, 2}, {2, 2, 4}, {7, 7, 14}, {100, 100, 200}, {1024, 1024, 2048}, {3000, 4096, 6000},
		{100, 60, 20}, {3000, 1024, 500}, {1_000_000, 1024, 600}, // forgotten all the time
	} {
		k, m := limit.NewKeyedRate(100, burst, test.maxKeys), newModel(interval, burst)
		random, start, now := rand.New(rand.NewPCG(1, 2)), time.Now(), time.Duration(0)
		for i := range 50_000 {
			now += time.Duration(random.ExpFloat64() * float64(interval) / float64(test.callsPerInterval))
			key := strconv.Itoa(random.IntN(test.keys))
			got, want := k.Take(key, start.Add(now)), m.wait(key, now)
			if got != want {
				t.Fatalf("%d keys of %d, call %d: wait %v, want %v", test.keys, test.maxKeys, i, got, want)
			}
			if got == 0 {
				m.take(key, now)
			}
		}
	}
}

// FuzzKeyedRate takes with arbitrary keys at arbitrary times, including earlier ones. It checks
// that no key gets more than with unbounded memory, nor less if the keys fit.
func FuzzKeyedRate(f *testing.F) {
	f.Add(uint64(1), 5, 3, 10, false)
	f.Add(uint64(2), 1, 1, 2, true)
	f.Add(uint64(3), 40, 7, 41, true)
	f.Add(uint64(4), 1200, 2, 5000, false)
	f.Fuzz(func(t *testing.T, seed uint64, maxKeys, burst, keys int, back bool) {
		maxKeys, burst, keys = 1+abs(maxKeys)%2000, 1+abs(burst)%20, 1+abs(keys)%5000
		back = back && maxKeys <= 1024 // each shard has its own time, the model has one
		const interval = time.Millisecond
		k, m := limit.NewKeyedRate(1000, burst, maxKeys), newModel(interval, burst)
		random, start, now := rand.New(rand.NewPCG(seed, 0)), time.Now(), time.Duration(0)
		step := time.Duration(random.Int64N(int64(4*interval)/int64(min(keys, maxKeys)) + 1))
		for i := range 5000 {
			at := now + step
			if back && i > 0 && random.IntN(8) == 0 {
				at -= time.Duration(random.Int64N(int64(20 * interval)))
			}
			now = max(now, at)
			key := strconv.Itoa(random.IntN(keys))
			got, want := k.Take(key, start.Add(at)), m.wait(key, now)
			fits := keys <= maxKeys && maxKeys <= 1024 // in one shard
			if got == 0 && want > 0 || fits && got != want {
				t.Fatalf("call %d with %s: wait %v, want %v", i, key, got, want)
			}
			if got == 0 {
				m.take(key, now)
			}
		}
	})
}

func abs(n int) int {
	if n < 0 {
		return -(n + 1)
	}
	return n
}

// TestKeyedRateForgetsNoDebt has an attacker use up its burst, cycle through keys to have the first
// forgotten, and return to it.
func TestKeyedRateForgetsNoDebt(t *testing.T) {
	const burst, perSecond = 10, 1
	k, now, allowed := limit.NewKeyedRate(perSecond, burst, 2048), time.Now(), 0
	start := now
	for round := range 50 {
		for range 2 * burst {
			if k.Take("attacker", now) == 0 {
				allowed++
			}
		}
		for i := range 10_000 {
			k.Take("other "+strconv.Itoa(round*10_000+i), now)
		}
		now = now.Add(100 * time.Millisecond)
	}
	if most := burst + int(perSecond*now.Sub(start).Seconds()); allowed > most {
		t.Errorf("%d calls in %v, want at most %d", allowed, now.Sub(start), most)
	}
}

// TestKeyedRateForgetsWhatIsWhole requests the room of a key one nanosecond before its burst is
// full again, and at that time.
func TestKeyedRateForgetsWhatIsWhole(t *testing.T) {
	k, now := limit.NewKeyedRate(1, 1, 1), time.Now()
	for i, call := range []struct {
		key         string
		after, wait time.Duration
	}{
		{"a", 0, 0},
		{"b", time.Second - 1, 0},           // shares
		{"a", time.Second, 0},               // is remembered
		{"c", time.Second, time.Second - 1}, // shares with b
		{"c", 2*time.Second - 1, 0},
		{"d", 2 * time.Second, time.Second - 1}, // has the room of a, but may have used what c used
	} {
		if wait := k.Take(call.key, now.Add(call.after)); wait != call.wait {
			t.Errorf("call %d with %s: wait %v, want %v", i, call.key, wait, call.wait)
		}
	}
}

// TestKeyedRateOverflow fills the memory and checks that new keys share one bucket, and have
// separate ones once there is room again.
func TestKeyedRateOverflow(t *testing.T) {
	const burst = 4
	k, now := limit.NewKeyedRate(1, burst, 3), time.Now()
	for _, key := range []string{"a", "b", "c"} {
		if k.Take(key, now) != 0 {
			t.Fatalf("%s is rejected", key)
		}
	}
	allowed := 0
	for i := range 100 {
		if k.Take("new "+strconv.Itoa(i), now) == 0 {
			allowed++
		}
	}
	if allowed != burst {
		t.Errorf("%d calls of keys that are not remembered, want %d", allowed, burst)
	}
	if wait := k.Take("a", now); wait != 0 {
		t.Errorf("a key that is remembered has to wait %v for others", wait)
	}
	// All are full again except the shared bucket, of which 3 of 4 are left
	later := now.Add(3 * time.Second)
	for i, want := range []time.Duration{0, 0, 0, time.Second} {
		if wait := k.Take("new 1", later); wait != want {
			t.Errorf("call %d with room: wait %v, want %v", i, wait, want)
		}
	}
	for i, want := range []time.Duration{0, 0, 0, 0, time.Second} {
		if wait := k.Take("newer", later.Add(time.Second)); wait != want {
			t.Errorf("call %d with all forgotten: wait %v, want %v", i, wait, want)
		}
	}
}

// TestKeyedRateConcurrently takes from many goroutines with more keys than there is room for.
func TestKeyedRateConcurrently(t *testing.T) {
	const keys, burst = 3000, 2
	k, start := limit.NewKeyedRate(0.001, burst, 2048), time.Now()
	var allowed [keys]atomic.Int64
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(uint64(g), 0))
			for range 10_000 {
				key := random.IntN(keys)
				if k.Take(strconv.Itoa(key), start.Add(time.Duration(random.Int64N(int64(time.Second))))) == 0 {
					allowed[key].Add(1)
				}
			}
		})
	}
	wg.Wait()
	for key := range allowed {
		if got := allowed[key].Load(); got > burst {
			t.Errorf("%d calls with key %d, want at most %d", got, key, burst)
		}
	}
}
