package limit_test

import (
	"math"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/grpcservice/grpcservice/runtime/limit"
)

// TestRatePaces takes as soon as Take allows, and a little earlier. It checks that burst calls are
// allowed at once and the others at intervals.
func TestRatePaces(t *testing.T) {
	for _, test := range []struct {
		perSecond float64
		burst     int
		interval  time.Duration
	}{
		{1, 1, time.Second},
		{100, 20, 10 * time.Millisecond},
		{0.1, 3, 10 * time.Second},
		{2.5, 1, 400 * time.Millisecond},
		{3, 2, 333_333_333},
		{1.0 / 86_400, 5, 24 * time.Hour},
		{1e6, 1000, time.Microsecond},
		{1e9, 7, 1},
		{1e12, 7, 1},
		{math.Inf(1), 1, 1},
		{10, 0, 100 * time.Millisecond},
		{10, -5, 100 * time.Millisecond},
	} {
		r, now := limit.NewRate(test.perSecond, test.burst), time.Now()
		for i := range max(test.burst, 1) {
			if wait := r.Take(now); wait != 0 {
				t.Errorf("%v a second, burst %d: call %d has to wait %v", test.perSecond, test.burst, i, wait)
			}
		}
		for range 10 {
			if wait := r.Take(now); wait != test.interval {
				t.Fatalf("%v a second, burst %d: wait %v, want %v", test.perSecond, test.burst, wait, test.interval)
			}
			if wait := r.Take(now.Add(test.interval - 1)); test.interval > 1 && wait != 1 {
				t.Fatalf("%v a second, burst %d: wait %v a nanosecond early, want 1ns", test.perSecond, test.burst, wait)
			}
			now = now.Add(test.interval)
			if wait := r.Take(now); wait != 0 {
				t.Fatalf("%v a second, burst %d: wait %v more after %v", test.perSecond, test.burst, wait, test.interval)
			}
		}
	}
}

// TestRateNever uses rates that add practically nothing: burst is exact, and the waits are long but
// correct.
func TestRateNever(t *testing.T) {
	const decades = 36 * 365 * 24 * time.Hour
	for _, perSecond := range []float64{0, -1, math.Inf(-1), math.NaN(), math.SmallestNonzeroFloat64, 1e-10} {
		for _, burst := range []int{1, 1000, 100_000} {
			r, now := limit.NewRate(perSecond, burst), time.Now()
			for i := range burst {
				if wait := r.Take(now); wait != 0 {
					t.Fatalf("%v a second: call %d of %d has to wait %v", perSecond, i, burst, wait)
				}
			}
			if wait := r.Take(now); wait < decades {
				t.Errorf("%v a second, burst %d: wait %v", perSecond, burst, wait)
			}
			if wait := r.Take(now.Add(24 * time.Hour)); wait < decades-25*time.Hour {
				t.Errorf("%v a second, burst %d: wait %v after a day", perSecond, burst, wait)
			}
		}
	}
}

// TestRateRefills leaves the rate unused for long, which saves up no more than burst.
func TestRateRefills(t *testing.T) {
	const year = 365 * 24 * time.Hour
	r, now := limit.NewRate(1000, 5), time.Now()
	for _, idle := range []time.Duration{0, time.Second, time.Hour, year, 50 * year, 290 * year} {
		allowed := 0
		for range 20 {
			if r.Take(now.Add(idle)) == 0 {
				allowed++
			}
		}
		if allowed != 5 {
			t.Errorf("%d calls at once after %v, want 5", allowed, idle)
		}
	}
}

// TestRateClockBack sets the clock back, which counts as no time passing, and to extremes, which
// must not overflow.
func TestRateClockBack(t *testing.T) {
	r, now := limit.NewRate(1, 2), time.Now()
	for _, back := range []time.Duration{0, time.Millisecond} {
		if wait := r.Take(now.Add(-back)); wait != 0 {
			t.Errorf("wait %v for the burst, %v back", wait, back)
		}
	}
	if wait := r.Take(now.Add(-time.Hour)); wait != time.Second {
		t.Errorf("wait %v an hour back, want 1s", wait)
	}
	for _, at := range []time.Time{{}, time.Unix(0, 0), time.Unix(math.MaxInt64, 0), time.Unix(math.MinInt64, 0)} {
		for _, perSecond := range []float64{0, 1, math.MaxFloat64} {
			r := limit.NewRate(perSecond, math.MaxInt)
			r.Take(now)
			r.Take(at)
			if wait := r.Take(at); wait < 0 {
				t.Errorf("wait %v at %v", wait, at)
			}
		}
	}
}

// TestRateInAnyWindow takes at random times and counts the allowed calls in every window.
func TestRateInAnyWindow(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		perSecond, burst := math.Exp(random.Float64()*20-5), 1+random.IntN(10)
		r, now := limit.NewRate(perSecond, burst), time.Now()
		var allowed []time.Time
		for range 300 {
			now = now.Add(time.Duration(random.ExpFloat64() / perSecond / 2 * float64(time.Second)))
			if r.Take(now) == 0 {
				allowed = append(allowed, now)
			}
		}
		for i, from := range allowed {
			for j := i; j < len(allowed); j++ {
				most := float64(burst) + perSecond*allowed[j].Sub(from).Seconds()*1.001
				if float64(j-i+1) > most+1e-6 {
					t.Fatalf("%v a second, burst %d: %d calls in %v", perSecond, burst, j-i+1, allowed[j].Sub(from))
				}
			}
		}
	}
}

// TestRateConcurrently takes from many goroutines; exactly burst calls are allowed.
func TestRateConcurrently(t *testing.T) {
	const burst = 1000
	one, keyed, now := limit.NewRate(0.001, burst), limit.NewKeyedRate(0.001, burst, 10), time.Now()
	for name, take := range map[string]func() time.Duration{
		"Rate":      func() time.Duration { return one.Take(now) },
		"KeyedRate": func() time.Duration { return keyed.Take("key", now) },
	} {
		var allowed atomic.Int64
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for range burst {
					if take() == 0 {
						allowed.Add(1)
					}
				}
			})
		}
		wg.Wait()
		if got := allowed.Load(); got != burst {
			t.Errorf("%s: %d calls, want %d", name, got, burst)
		}
	}
}

// TestGivenBackCallsDoNotCount takes and gives back, and checks that as many calls are allowed as
// without: for one key, for many, and for keys that share a bucket.
func TestGivenBackCallsDoNotCount(t *testing.T) {
	now := time.Now()
	rate := limit.NewRate(1, 3)
	keyed := limit.NewKeyedRate(1, 3, 1)
	for i := range 20 {
		if wait := rate.Take(now); wait != 0 {
			t.Fatalf("call %d: rejected for %v", i, wait)
		}
		rate.GiveBack()
		if wait := keyed.Take("a", now); wait != 0 {
			t.Fatalf("call %d of key a: rejected for %v", i, wait)
		}
		keyed.GiveBack("a")
	}
	for i := range 4 {
		if got := rate.Take(now) == 0; got != (i < 3) {
			t.Errorf("call %d: allowed is %v", i, got)
		}
		if got := keyed.Take("a", now) == 0; got != (i < 3) {
			t.Errorf("call %d of key a: allowed is %v", i, got)
		}
	}
	for i := range 4 { // there is room for one key, which is a
		if got := keyed.Take("b", now) == 0; got != (i < 3) {
			t.Errorf("call %d of key b: allowed is %v", i, got)
		}
		keyed.GiveBack("b") // nothing: other keys may have used it
	}
	keyed.GiveBack("a")
	later := now.Add(2 * time.Second) // the burst of a is full except for one call
	for i := range 4 {
		if got := keyed.Take("a", later) == 0; got != (i < 3) {
			t.Errorf("call %d of key a, later: allowed is %v", i, got)
		}
	}
}

// TestWaitCountsNothing holds that looking at a rate does not change it.
func TestWaitCountsNothing(t *testing.T) {
	now := time.Now()
	r := limit.NewRate(1, 2)
	for i, want := range []time.Duration{0, 0, time.Second} {
		for range 3 {
			if got := r.Wait(now); got != want {
				t.Errorf("before call %d: a wait of %v, want %v", i, got, want)
			}
		}
		if got := r.Take(now); got != want {
			t.Errorf("call %d waits %v, want %v", i, got, want)
		}
	}
	if got := r.Wait(now.Add(time.Second)); got != 0 {
		t.Errorf("a second later: a wait of %v", got)
	}
	r.Set(0.5, 2, now)
	if got := r.Wait(now); got != 2*time.Second {
		t.Errorf("at half the rate: a wait of %v", got)
	}
}
