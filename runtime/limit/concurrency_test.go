package limit_test

import (
	"context"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/grpcservice/grpcservice/runtime/limit"
)

// acquire takes a place for a call of the caller "".
func acquire(ctx context.Context, c *limit.Concurrency) bool {
	ok, _ := c.Acquire(ctx, "")
	return ok
}

// fill takes all places.
func fill(t *testing.T, c *limit.Concurrency) {
	t.Helper()
	for i := range c.Limit() {
		if !acquire(context.Background(), c) {
			t.Fatalf("call %d of %d is rejected", i, c.Limit())
		}
	}
}

func TestConcurrencyRejects(t *testing.T) {
	for _, size := range []int{-1, 0, 1, 5} {
		c := limit.NewConcurrency(size, 0)
		if got := c.Limit(); got != max(size, 1) {
			t.Errorf("a limit of %d, want %d", got, max(size, 1))
		}
		fill(t, c)
		if acquire(context.Background(), c) {
			t.Error("one too many runs")
		}
		if got := c.InFlight(); got != max(size, 1) {
			t.Errorf("%d in flight, want %d", got, max(size, 1))
		}
		c.Release(time.Second, false)
		if got := c.InFlight(); got != max(size, 1)-1 {
			t.Errorf("%d in flight after one has ended", got)
		}
		if !acquire(context.Background(), c) {
			t.Error("rejected though there is room")
		}
	}
}

// TestConcurrencyQueue checks that waiting calls get their turn in order, and that calls beyond the
// queue are rejected at once.
func TestConcurrencyQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := limit.NewConcurrency(3, time.Minute)
		fill(t, c)
		if c.Waiting() != 0 || c.MaxWaiting() != 6 {
			t.Errorf("%d wait, at most %d, want 0 and 6", c.Waiting(), c.MaxWaiting())
		}
		turns := make(chan int)
		for i := range 3 {
			go func() {
				if acquire(t.Context(), c) {
					turns <- i
				}
			}()
			synctest.Wait()
		}
		if c.Waiting() != 3 {
			t.Errorf("%d wait, want 3", c.Waiting())
		}
		start := time.Now()
		if acquire(t.Context(), c) || time.Since(start) != 0 {
			t.Error("the queue takes more than the limit")
		}
		for want := range 3 {
			c.Release(0, true)
			if got := <-turns; got != want {
				t.Errorf("it is the turn of %d, want %d", got, want)
			}
			if got := c.InFlight(); got != 3 {
				t.Errorf("%d in flight, want 3", got)
			}
		}
	})
}

// TestConcurrencyGivesUp ends waits by timeout and by context, and checks that the calls after them
// move up.
func TestConcurrencyGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := limit.NewConcurrency(2, time.Minute)
		fill(t, c)
		start := time.Now()
		if acquire(t.Context(), c) || time.Since(start) != time.Minute {
			t.Errorf("the wait ended after %v, want 1m", time.Since(start))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start, turn := time.Now(), make(chan bool)
		go func() { turn <- acquire(ctx, c) }()
		synctest.Wait()
		go func() { turn <- acquire(t.Context(), c) }()
		if <-turn || time.Since(start) != time.Second {
			t.Errorf("the wait ended after %v, want 1s", time.Since(start))
		}
		c.Release(0, true)
		if !<-turn || time.Since(start) != time.Second {
			t.Error("who came second did not move up")
		}
		if acquire(ctx, c) || time.Since(start) != time.Second {
			t.Error("a call that has ended waits")
		}
		if got := c.InFlight(); got != 2 {
			t.Errorf("%d in flight, want 2", got)
		}
	})
}

// TestConcurrencyLastMoment frees a place at the moment at which the wait ends: whichever call has
// it returns it.
func TestConcurrencyLastMoment(t *testing.T) {
	for range 200 {
		synctest.Test(t, func(t *testing.T) {
			c := limit.NewConcurrency(1, time.Second)
			fill(t, c)
			for range 2 {
				go func() {
					if acquire(t.Context(), c) {
						c.Release(0, true)
					}
				}()
			}
			<-time.After(time.Second)
			c.Release(0, true)
			synctest.Wait()
			if got := c.InFlight(); got != 0 {
				t.Fatalf("%d in flight, want none", got)
			}
			fill(t, c)
		})
	}
}

// TestAdaptiveAdmitsWaiting raises the limit while calls wait: the finished call makes room for
// more than one.
func TestAdaptiveAdmitsWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := limit.NewAdaptive(11, time.Minute)
		feed(t, c, 63, time.Second, true)
		fill(t, c)
		for range 2 {
			go acquire(t.Context(), c)
		}
		synctest.Wait()
		c.Release(time.Second, true)
		synctest.Wait()
		if got := c.InFlight(); got != 11 {
			t.Errorf("%d in flight of %d, want 11", got, c.Limit())
		}
	})
}

// TestConcurrencyNoLostTurn runs twice as many goroutines as places, all of which may wait: none is
// rejected or forgotten.
func TestConcurrencyNoLostTurn(t *testing.T) {
	for _, size := range []int{1, 2, 5} {
		c := limit.NewConcurrency(size, time.Hour)
		var running, most atomic.Int64
		var wg sync.WaitGroup
		for range 2 * size {
			wg.Go(func() {
				for range 5_000 {
					if !acquire(context.Background(), c) {
						t.Error("rejected though the queue has room")
						return
					}
					n := running.Add(1)
					for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
					}
					runtime.Gosched()
					running.Add(-1)
					c.Release(time.Microsecond, true)
				}
			})
		}
		wg.Wait()
		if most.Load() > int64(size) || c.InFlight() != 0 {
			t.Errorf("%d ran at a time of %d, %d in the end", most.Load(), size, c.InFlight())
		}
	}
}

// TestConcurrencyChaos ends waits in every way and at any time, and checks the counts throughout
// and at the end.
func TestConcurrencyChaos(t *testing.T) {
	for name, c := range map[string]*limit.Concurrency{
		"fixed": limit.NewConcurrency(10, 20*time.Microsecond), "adaptive": limit.NewAdaptive(10, 20*time.Microsecond),
	} {
		var running atomic.Int64
		var wg sync.WaitGroup
		for g := range 32 {
			wg.Go(func() { chaos(t, c, &running, rand.New(rand.NewPCG(uint64(g), 0))) })
		}
		wg.Wait()
		if got := c.InFlight(); got != 0 {
			t.Errorf("%s: %d in flight in the end", name, got)
		}
		fill(t, c)
	}
}

// chaos makes 1000 calls to a Concurrency of 10, with contexts that end soon.
func chaos(t *testing.T, c *limit.Concurrency, running *atomic.Int64, random *rand.Rand) {
	for range 1_000 {
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(random.IntN(50_000)))
		if acquire(ctx, c) {
			if n := running.Add(1); n > 10 {
				t.Errorf("%d run", n)
			}
			runtime.Gosched()
			running.Add(-1)
			c.Release(time.Duration(random.IntN(1_000_000)), random.IntN(3) > 0)
		}
		cancel()
	}
}

// TestCallersTakeTurns has one caller send many calls before another sends one, which waits for one
// of them and not for all.
func TestCallersTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := limit.NewConcurrency(10, time.Minute)
		fill(t, c)
		turns := make(chan string)
		for _, caller := range []string{"a", "a", "a", "a", "b", "c", "b"} {
			go func() {
				if ok, waited := c.Acquire(t.Context(), caller); ok && waited {
					turns <- caller
				}
			}()
			synctest.Wait()
		}
		for i, want := range []string{"a", "b", "c", "a", "b", "a", "a"} {
			c.Release(0, true)
			if got := <-turns; got != want {
				t.Errorf("turn %d is for %s, want %s", i, got, want)
			}
		}
	})
}

// TestNoCallerTakesAllTheRoom has each caller send as many calls as it can: each leaves room for
// the next.
func TestNoCallerTakesAllTheRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := limit.NewConcurrency(100, time.Minute)
		fill(t, c)
		for i, want := range []int64{100, 50, 25, 13, 6, 3, 2, 1, 0} {
			caller, rejected := string(rune('a'+i)), atomic.Int64{}
			for range 300 {
				go func() {
					if ok, waited := c.Acquire(t.Context(), caller); !ok && !waited {
						rejected.Add(1)
					}
				}()
				synctest.Wait()
			}
			if got := 300 - rejected.Load(); got != want {
				t.Errorf("caller %s: %d calls wait, want %d", caller, got, want)
			}
		}
		for range 200 {
			c.Release(0, true)
		}
		synctest.Wait()
		if got := c.InFlight(); got != 100 {
			t.Errorf("%d in flight, want 100", got)
		}
	})
}

// TestUnusedPlacesTeachNothing checks that returning the places of calls that did no work leaves an
// adaptive limit unchanged.
func TestUnusedPlacesTeachNothing(t *testing.T) {
	c := limit.NewAdaptive(100, 0)
	feed(t, c, 5_000, time.Second, true)
	for range 10_000 {
		if !c.TryAcquire() {
			t.Fatal("rejected though no call runs")
		}
		c.ReleaseUnused()
	}
	feed(t, c, 5_000, time.Second, true)
	if got := c.Limit(); got != 100 {
		t.Errorf("the limit is %d, want 100", got)
	}
}
