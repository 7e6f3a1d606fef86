package redislimit

import (
	"context"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/redislimit/internal/redistest"
)

// soakTime is how long [TestSoakOutages] runs: 4 seconds, or what make soak sets.
func soakTime(t *testing.T) time.Duration {
	text := os.Getenv("SOAK")
	if text == "" {
		return 4 * time.Second
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal("SOAK:", err)
	}
	return d
}

// TestSoakMemory measures the memory of callers in Redis: of 100,000 in make soak, of 10,000
// otherwise.
func TestSoakMemory(t *testing.T) {
	callers := 10_000
	if os.Getenv("SOAK") != "" {
		callers = 100_000
	}
	memory(t, callers)
}

// TestSoakOutages has replicas call under load while Redis is killed, paused, flushed and started
// again at random. It checks that the calls that are allowed stay within what docs/rate-limits.md
// states, and that all replicas share the rate in the end.
func TestSoakOutages(t *testing.T) {
	noLeaks(t)
	s := redistest.Start(t)
	const perSecond, burst, n = 400, 60, 3
	const timeout = 50 * time.Millisecond
	var limiters []*Limiter
	var rates []*methodRates
	for range n {
		l, _ := newLimiter(t, s.Client(), WithReplicas(n), WithTimeout(timeout))
		limiters = append(limiters, l)
		rates = append(rates, bind(l, "M", runtime.Rate{PerSecond: perSecond, Burst: burst}))
	}
	ctx, cancel := context.WithTimeout(t.Context(), soakTime(t))
	defer cancel()
	var count atomic.Int64
	var slowest atomic.Int64
	var wg sync.WaitGroup
	began := time.Now()
	for i := range 4 * n {
		wg.Go(func() {
			for ctx.Err() == nil {
				start := time.Now()
				_, wait, err := rates[i%n].Take(context.Background(), "")
				slowest.Store(max(slowest.Load(), int64(time.Since(start))))
				if err != nil {
					t.Error(err)
				} else if wait == 0 {
					count.Add(1)
				}
				time.Sleep(time.Duration(rand.IntN(2_000)) * time.Microsecond)
			}
		})
	}
	losses := disturb(ctx, s)
	wg.Wait()
	elapsed := time.Since(began).Seconds()
	// Redis allows rate × time and a burst, and another burst whenever it has lost its keys. The
	// shares allow rate × time and a burst over all outages together.
	most := 2*(perSecond*elapsed+burst) + float64(burst*losses)
	got := float64(count.Load())
	if got > most || got < perSecond*elapsed/4 {
		t.Errorf("%v calls are allowed in %.1fs with %d losses of keys, want at most %.0f", got, elapsed, losses, most)
	}
	t.Logf("%v calls are allowed in %.1fs, %.0f of the rate; %d losses; the slowest call took %v; %+v",
		got, elapsed, 100*got/(perSecond*elapsed), losses, time.Duration(slowest.Load()), limiters[0].Stats())
	redistest.Until(t, "all replicas are back", func() bool {
		for _, r := range rates {
			take(t, r, "")
		}
		return !slices.ContainsFunc(limiters, isAway)
	})
	fresh := make([]*methodRates, n)
	for i, l := range limiters {
		fresh[i] = bind(l, "Fresh", runtime.Rate{PerSecond: slow, Burst: 20})
	}
	total := 0
	for i := range 100 {
		total += allowed(t, fresh[i%n], "", 1)
	}
	if total > 20+20+n || total < 20 { // with one more outage at most
		t.Errorf("%d calls are allowed in the end, want the burst of 20", total)
	}
}

// disturb disturbs Redis until ctx ends, and returns how often it has lost its keys. Redis runs in
// the end.
func disturb(ctx context.Context, s *redistest.Server) (losses int) {
	for ctx.Err() == nil {
		time.Sleep(time.Duration(200+rand.IntN(600)) * time.Millisecond)
		switch rand.IntN(5) {
		case 0:
			s.Kill()
			time.Sleep(time.Duration(rand.IntN(500)) * time.Millisecond)
			s.Restart()
			losses++
		case 1:
			s.Pause()
			time.Sleep(time.Duration(rand.IntN(500)) * time.Millisecond)
			s.Resume()
		case 2:
			s.Do("FLUSHALL")
			losses++
		case 3:
			s.Do("SCRIPT", "FLUSH")
		case 4:
			s.Do("SET", "ratelimit:{test.v1.S/M}:m0", "disturbed")
		}
	}
	return losses
}
