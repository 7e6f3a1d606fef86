package limit_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/grpcservice/grpcservice/runtime/limit"
)

// tokens is the bucket that a Rate and each key of a KeyedRate must behave like.
type tokens struct {
	perSecond, burst, left float64
	at                     time.Time
}

func (b *tokens) refill(now time.Time) {
	b.left = min(b.burst, b.left+now.Sub(b.at).Seconds()*b.perSecond)
	b.at = now
}

func (b *tokens) set(perSecond, burst float64, now time.Time) {
	b.refill(now)
	b.perSecond, b.burst, b.left = perSecond, burst, min(b.left, burst)
}

// take reports whether a call is allowed, and whether that is too close to tell.
func (b *tokens) take(now time.Time) (allowed, close bool) {
	b.refill(now)
	close = b.left > 1-1e-4 && b.left < 1+1e-4
	return b.left >= 1, close
}

// TestSetGivesNoCalls compares both kinds of rates with a bucket of tokens that keeps its tokens
// when its rate changes.
func TestSetGivesNoCalls(t *testing.T) {
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 1))
		perSecond, burst := randomRate(random)
		now := time.Now()
		rate, keyed := limit.NewRate(perSecond, burst), limit.NewKeyedRate(perSecond, burst, 0)
		model := tokens{perSecond, float64(burst), float64(burst), now}
		for step := range 2_000 {
			now = now.Add(time.Duration(random.Float64() * float64(time.Second) / model.perSecond))
			if random.IntN(20) == 0 {
				perSecond, burst := randomRate(random)
				rate.Set(perSecond, burst, now)
				keyed.Set(perSecond, burst, now)
				model.set(perSecond, float64(burst), now)
			}
			allowed, close := model.take(now)
			if close {
				continue
			}
			if got := rate.Take(now); (got == 0) != allowed {
				t.Fatalf("seed %d, step %d: the rate says to wait %v, the model has %v left", seed, step, got, model.left)
			}
			if got := keyed.Take("me", now); (got == 0) != allowed {
				t.Fatalf("seed %d, step %d: the key is told to wait %v, the model has %v left", seed, step, got, model.left)
			}
			if allowed {
				model.left--
			}
		}
	}
}

func randomRate(random *rand.Rand) (perSecond float64, burst int) {
	rates := []float64{0.001, 0.5, 1, 3, 100, 10_000}
	return rates[random.IntN(len(rates))], 1 + random.IntN(200)
}

// TestSetBackAndForth changes a rate that is used up to one that refills at once, and back.
func TestSetBackAndForth(t *testing.T) {
	rate, keyed, now := limit.NewRate(0.001, 1000), limit.NewKeyedRate(0.001, 1000, 0), time.Now()
	for range 1000 {
		if rate.Take(now) > 0 || keyed.Take("me", now) > 0 {
			t.Fatal("the burst is not free")
		}
	}
	for range 10 {
		for _, burst := range []int{1, 100_000, 1000} {
			rate.Set(0.001, burst, now)
			keyed.Set(0.001, burst, now)
			if rate.Take(now) == 0 || keyed.Take("me", now) == 0 {
				t.Fatal("a change of the burst allows a call")
			}
		}
	}
	rate.Set(1000, 1000, now)
	if wait := rate.Take(now); wait == 0 || wait > time.Millisecond+time.Microsecond {
		t.Errorf("at 1000 a second the next call waits %v, want a millisecond", wait)
	}
	if wait := keyed.Take("a stranger", now); wait > 0 {
		t.Errorf("a key that was not used waits %v", wait)
	}
}

// TestSetOfUnknownKeys raises a burst: keys that are not remembered have no more calls at once than
// before, and the whole burst later.
func TestSetOfUnknownKeys(t *testing.T) {
	now := time.Now()
	keyed := limit.NewKeyedRate(1, 2, 0)
	keyed.Set(1, 10, now)
	if got := takeAll(keyed, "new", now); got != 2 {
		t.Errorf("%d calls right after the change, want the 2 of the burst before it", got)
	}
	if got := takeAll(keyed, "other", now.Add(time.Minute)); got != 10 {
		t.Errorf("%d calls a minute later, want 10", got)
	}
}

func takeAll(k *limit.KeyedRate, key string, now time.Time) (calls int) {
	for calls < 1000 && k.Take(key, now) == 0 {
		calls++
	}
	return calls
}

// TestSetOfExtremes changes to rates at and beyond the ends of their ranges, at times far apart: no
// change allows more calls than the largest burst before it.
func TestSetOfExtremes(t *testing.T) {
	rates := []float64{0, -1, math.NaN(), 1e-300, 1e-9, 1, 1e9, 1e300, math.Inf(1)}
	bursts := []int{math.MinInt, 0, 1, 7, math.MaxInt32, math.MaxInt}
	random := rand.New(rand.NewPCG(3, 4))
	for range 2_000 {
		now := time.Now()
		rate, keyed := limit.NewRate(1, 3), limit.NewKeyedRate(1, 3, 10)
		for range 10 {
			perSecond, burst := rates[random.IntN(len(rates))], bursts[random.IntN(len(bursts))]
			rate.Set(perSecond, burst, now)
			keyed.Set(perSecond, burst, now)
			now = now.Add(time.Duration(random.Int64N(int64(1) << random.IntN(60))))
			if random.IntN(2) == 0 && (rate.Take(now) < 0 || keyed.Take("me", now) < 0) {
				t.Fatal("a negative wait")
			}
		}
		for _, burst := range []int{math.MaxInt, 2} {
			rate.Set(1e-300, burst, now)
			keyed.Set(1e-300, burst, now)
		}
		if took := takeAll(keyed, "me", now); took > 2 {
			t.Fatalf("%d calls of a burst of 2", took)
		}
		for took := 0; rate.Take(now) == 0; took++ {
			if took == 2 {
				t.Fatal("more calls than the burst of 2")
			}
		}
	}
}

// TestSetUnderLoad changes rates that hardly refill while goroutines take from them: what they get
// in all is the first burst, as if nothing had changed.
func TestSetUnderLoad(t *testing.T) {
	const burst, callers, calls = 20_000, 8, 8_000
	rate, keyed := limit.NewRate(1e-3, burst), limit.NewKeyedRate(1e-3, burst, 0)
	var taken, keyTaken, stop atomic.Int64
	var wg, changing sync.WaitGroup
	changing.Go(func() {
		for i := 0; stop.Load() == 0; i++ {
			rate.Set(1e-3, burst*(1+i%3), time.Now())
			keyed.Set(1e-3, burst*(1+i%3), time.Now())
		}
	})
	for range callers {
		wg.Go(func() {
			for i := range calls {
				if rate.Take(time.Now()) == 0 {
					taken.Add(1)
					if i%10 == 0 {
						rate.GiveBack()
						taken.Add(-1)
					}
				}
				if keyed.Take("me", time.Now()) == 0 {
					keyTaken.Add(1)
					if i%10 == 0 {
						keyed.GiveBack("me")
						keyTaken.Add(-1)
					}
				}
			}
		})
	}
	wg.Wait()
	stop.Store(1)
	changing.Wait()
	for name, got := range map[string]int64{"Rate": taken.Load(), "KeyedRate": keyTaken.Load()} {
		if got < burst-1 || got > burst+1 {
			t.Errorf("%s: %d calls of a burst of %d", name, got, burst)
		}
	}
}

// TestSetKeepsAllKeys fills a KeyedRate, changes it, and sees that every key is still used up.
func TestSetKeepsAllKeys(t *testing.T) {
	const keys = 5_000
	now := time.Now()
	for _, maxKeys := range []int{0, 1000} { // with room for all, and without
		keyed := limit.NewKeyedRate(0.001, 3, maxKeys)
		use := func() (calls int) {
			for i := range keys {
				calls += takeAll(keyed, strconv.Itoa(i), now)
			}
			return calls
		}
		if got := use(); got > 3*keys {
			t.Fatalf("%d calls", got)
		}
		for _, burst := range []int{50, 1, 7} {
			keyed.Set(0.002, burst, now)
			if got := use(); got != 0 {
				t.Errorf("maxKeys %d: %d calls after a change to a burst of %d", maxKeys, got, burst)
			}
		}
	}
}

// TestConcurrencySet checks that running calls keep their places when the limit falls, and that
// waiting calls start when it rises.
func TestConcurrencySet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := limit.NewConcurrency(4, time.Minute)
		fill(t, c)
		var started atomic.Int64
		for i := range 3 {
			go func() {
				if ok, waited := c.Acquire(context.Background(), fmt.Sprint(i)); ok && waited {
					started.Add(1)
				}
			}()
		}
		synctest.Wait()
		for _, step := range []struct{ limit, inFlight, started int }{
			{2, 4, 0}, {1, 4, 0}, {5, 5, 1}, {5, 5, 1}, {1, 5, 1}, {limit.MaxConcurrency, 7, 3},
		} {
			c.Set(step.limit, 0, false) // who waits already, waits on
			synctest.Wait()
			if c.InFlight() != step.inFlight || started.Load() != int64(step.started) || c.Limit() != step.limit {
				t.Errorf("at a limit of %d: %d of %d in flight, %d started; want %d and %d",
					step.limit, c.InFlight(), c.Limit(), started.Load(), step.inFlight, step.started)
			}
		}
		c.Set(6, 0, false)
		c.Release(0, true)
		if acquire(context.Background(), c) {
			t.Error("a call starts although 6 of 6 are running")
		}
		for range 6 {
			c.Release(0, true)
		}
		if c.InFlight() != 0 {
			t.Errorf("%d in flight at the end", c.InFlight())
		}
	})
}

// TestConcurrencySetAdaptive switches whether a limit adapts.
func TestConcurrencySetAdaptive(t *testing.T) {
	c := limit.NewConcurrency(50, 0)
	fill(t, c)
	c.Set(100, 0, true)
	if got := c.Limit(); got != 50 {
		t.Errorf("a limit of %d while 50 calls run, want 50", got)
	}
	for range 50 {
		c.Release(time.Millisecond, true)
	}
	feed(t, c, 1000, time.Millisecond, true)
	if got := c.Limit(); got <= 50 {
		t.Errorf("a limit of %d after calls that were fast, want more than 50", got)
	}
	c.Set(20, 0, true)
	if got := c.Limit(); got != 20 {
		t.Errorf("a limit of %d, want at most 20", got)
	}
	c.Set(200, 0, true)
	if got := c.Limit(); got != 20 {
		t.Errorf("a limit of %d at once, want what it has learned: 20", got)
	}
	c.Set(30, 0, false)
	feed(t, c, 1000, time.Millisecond, true)
	if got := c.Limit(); got != 30 {
		t.Errorf("a limit of %d that does not adapt, want 30", got)
	}
}

// TestConcurrencySetChaos changes a Concurrency while calls come and go: no place is lost or
// counted twice, and none that waits is forgotten.
func TestConcurrencySetChaos(t *testing.T) {
	c := limit.NewConcurrency(3, time.Second)
	var stop atomic.Bool
	var changes, negative int
	var calls, changing sync.WaitGroup
	changing.Go(func() {
		random := rand.New(rand.NewPCG(1, 2))
		for ; !stop.Load(); changes++ {
			wait := time.Duration(random.IntN(2)) * time.Second
			c.Set(1+random.IntN(8), wait, random.IntN(2) == 0)
			if c.InFlight() < 0 || c.Limit() < 1 || c.Limit() > 8 {
				negative++
			}
		}
	})
	for caller := range 16 {
		calls.Go(func() {
			for i := range 500 {
				if ok, _ := c.Acquire(context.Background(), fmt.Sprint(caller)); ok {
					if i%50 == 0 {
						time.Sleep(time.Microsecond)
					}
					c.Release(time.Duration(i), true)
				}
			}
		})
	}
	calls.Wait()
	stop.Store(true)
	changing.Wait()
	if c.InFlight() != 0 || negative > 0 || changes < 100 {
		t.Errorf("%d in flight at the end, %d times a wrong count, %d changes", c.InFlight(), negative, changes)
	}
	c.Set(2, 0, false)
	fill(t, c)
	if acquire(context.Background(), c) {
		t.Error("3 calls run with a limit of 2")
	}
}
