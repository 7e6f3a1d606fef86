// Package limittest tests what every [server.RateLimiter] must do.
//
//	func TestLimiter(t *testing.T) {
//		limittest.Run(t, func(t *testing.T) server.RateLimiter { return mylimit.New(store(t)) })
//	}
package limittest

import (
	"context"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/server"
)

// Run tests a limiter. open returns one that has counted no calls.
//
// The limiter is asked about few calls at a time. The rates of the tests are slow enough, or their
// expectations wide enough, for a store that takes up to a second to reply.
func Run(t *testing.T, open func(t *testing.T) server.RateLimiter) {
	for name, test := range map[string]func(t *testing.T, s suite){
		"a burst is allowed":                      burst,
		"a rejection has its rate and its wait":   rejection,
		"a call counts for all rates or none":     allOrNone,
		"callers have separate bursts":            callers,
		"methods have separate bursts":            methods,
		"rates with the same key are separate":    sameKey,
		"a call that is given back is not used":   giveBack,
		"no more is given back than was taken":    giveBackAll,
		"a burst refills at the rate":             refill,
		"calls at once take no more than a burst": concurrent,
		"a caller may be any text":                anyText,
		"numbers may be extreme":                  extremes,
		"a call that has ended does not wait":     ended,
	} {
		t.Run(name, func(t *testing.T) {
			s := suite{open(t)}
			t.Parallel()
			test(t, s)
		})
	}
}

// slow is so slow that no test sees it allow a second burst.
const slow = 1.0 / 3600

// within is how long a test waits for what may happen in the background.
const within = time.Minute

type suite struct{ limiter server.RateLimiter }

// bind binds rates of a method.
func (s suite) bind(method string, rates ...runtime.Rate) server.MethodRates {
	info := runtime.NewMethodInfo("limittest.v1.Service", method, runtime.KindUnary, runtime.Policy{Rates: rates})
	return s.limiter.Bind(info, rates)
}

// take takes a call that the limiter must decide about.
func take(t testing.TB, r server.MethodRates, caller string) (rate int, wait time.Duration) {
	t.Helper()
	rate, wait, err := r.Take(context.Background(), caller)
	if err != nil {
		t.Fatalf("Take(%.40q): %v", caller, err)
	}
	return rate, wait
}

// allows takes n calls that must be allowed.
func allows(t *testing.T, r server.MethodRates, caller string, n int) {
	t.Helper()
	for i := range n {
		if rate, wait := take(t, r, caller); wait != 0 {
			t.Fatalf("call %d of %d of %.40q: rate %d rejects it for %v", i+1, n, caller, rate, wait)
		}
	}
}

// rejects takes calls that a rate must reject.
func rejects(t *testing.T, r server.MethodRates, caller string, rate int) {
	t.Helper()
	for range 3 {
		if got, wait := take(t, r, caller); wait <= 0 || got != rate {
			t.Fatalf("a call of %.40q: rate %d, wait %v; want rate %d to reject it", caller, got, wait, rate)
		}
	}
}

func burst(t *testing.T, s suite) {
	for key, name := range map[runtime.Rate]string{{Key: runtime.ByMethod}: "", {Key: runtime.ByPrincipal}: "ada", {Key: runtime.ByPeer}: "\x00::1"} {
		r := s.bind("Burst", runtime.Rate{PerSecond: slow, Burst: 7, Key: key.Key})
		allows(t, r, name, 7)
		rejects(t, r, name, 0)
	}
}

func rejection(t *testing.T, s suite) {
	r := s.bind("Wait", runtime.Rate{PerSecond: slow, Burst: 1}, runtime.Rate{PerSecond: slow, Burst: 9, Key: runtime.ByPrincipal})
	began := time.Now()
	allows(t, r, "ada", 1)
	rate, wait := take(t, r, "ada")
	if most := time.Duration(float64(time.Second) / slow); rate != 0 || wait > most || wait < most-time.Since(began)-time.Second {
		t.Errorf("rate %d, wait %v; want rate 0, and about %v", rate, wait, most)
	}
}

func allOrNone(t *testing.T, s suite) {
	r := s.bind("All",
		runtime.Rate{PerSecond: slow, Burst: 2, Key: runtime.ByPrincipal},
		runtime.Rate{PerSecond: slow, Burst: 5, Key: runtime.ByMethod},
	)
	allows(t, r, "ada", 2)
	rejects(t, r, "ada", 0) // which the method's rate does not count
	allows(t, r, "bob", 2)
	allows(t, r, "eve", 1)
	rejects(t, r, "eve", 1) // which eve's rate does not count
	r.GiveBack(context.Background(), "bob")
	eventually(t, r, "eve")
	rejects(t, r, "joe", 1)
}

// eventually waits until a call is allowed.
func eventually(t *testing.T, r server.MethodRates, caller string) {
	t.Helper()
	for end := time.Now().Add(within); ; time.Sleep(10 * time.Millisecond) {
		if _, wait := take(t, r, caller); wait == 0 {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("no call of %.40q is allowed after one was given back", caller)
		}
	}
}

func callers(t *testing.T, s suite) {
	r := s.bind("Callers", runtime.Rate{PerSecond: slow, Burst: 2, Key: runtime.ByPrincipal})
	for _, caller := range []string{"ada", "bob", "Ada", "ada ", "\x00ada", ""} {
		allows(t, r, caller, 2)
		rejects(t, r, caller, 0)
	}
	rejects(t, r, "ada", 0)
}

func methods(t *testing.T, s suite) {
	rates := []runtime.Rate{{PerSecond: slow, Burst: 2}, {PerSecond: slow, Burst: 1, Key: runtime.ByPrincipal}}
	one, other := s.bind("One", rates...), s.bind("Other", rates...)
	allows(t, one, "ada", 1)
	rejects(t, one, "ada", 1)
	allows(t, other, "ada", 1)
	rejects(t, other, "ada", 1)
	allows(t, one, "bob", 1)
	rejects(t, one, "eve", 0)
}

func sameKey(t *testing.T, s suite) {
	r := s.bind("Same",
		runtime.Rate{PerSecond: slow, Burst: 9, Key: runtime.ByPrincipal},
		runtime.Rate{PerSecond: 1e6, Burst: 9, Key: runtime.ByPrincipal},
		runtime.Rate{PerSecond: slow, Burst: 3, Key: runtime.ByPrincipal},
	)
	allows(t, r, "ada", 3)
	rejects(t, r, "ada", 2)
}

func giveBack(t *testing.T, s suite) {
	r := s.bind("GiveBack",
		runtime.Rate{PerSecond: slow, Burst: 3, Key: runtime.ByPrincipal},
		runtime.Rate{PerSecond: slow, Burst: 3},
	)
	allows(t, r, "ada", 3)
	rejects(t, r, "ada", 0)
	r.GiveBack(context.Background(), "ada")
	eventually(t, r, "ada")
	time.Sleep(50 * time.Millisecond)
	rejects(t, r, "ada", 0)
}

func giveBackAll(t *testing.T, s suite) {
	r := s.bind("GiveBackAll", runtime.Rate{PerSecond: slow, Burst: 4, Key: runtime.ByPrincipal})
	for range 20 {
		eventually(t, r, "ada")
		r.GiveBack(context.Background(), "ada")
	}
	for range 4 {
		eventually(t, r, "ada")
	}
	time.Sleep(50 * time.Millisecond)
	rejects(t, r, "ada", 0)
}

func refill(t *testing.T, s suite) {
	const perSecond, burst = 50, 5
	r := s.bind("Refill", runtime.Rate{PerSecond: perSecond, Burst: burst, Key: runtime.ByPrincipal})
	begin, allowed := time.Now(), 0
	for time.Since(begin) < 600*time.Millisecond || allowed <= burst {
		_, wait := take(t, r, "ada")
		if wait == 0 {
			allowed++
			continue
		}
		if wait > 2*time.Second/perSecond {
			t.Fatalf("a wait of %v for a call every %v", wait, time.Second/perSecond)
		}
		time.Sleep(wait + time.Millisecond)
		if _, wait := take(t, r, "ada"); wait != 0 {
			t.Fatalf("rejected for %v after the wait", wait)
		}
		allowed++
	}
	most := int(perSecond*time.Since(begin).Seconds()) + burst + 1
	if allowed > most || allowed <= burst {
		t.Errorf("%d calls allowed, want more than %d and at most %d", allowed, burst, most)
	}
}

func concurrent(t *testing.T, s suite) {
	r := s.bind("Concurrent",
		runtime.Rate{PerSecond: slow, Burst: 40},
		runtime.Rate{PerSecond: slow, Burst: 30, Key: runtime.ByPrincipal},
	)
	var allowed [2]atomic.Int64
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 20 {
				_, wait, err := r.Take(context.Background(), []string{"ada", "bob"}[i%2])
				if err != nil {
					t.Error(err)
				} else if wait == 0 {
					allowed[i%2].Add(1)
				}
			}
		})
	}
	wg.Wait()
	// A call that one rate allows and another rejects may have displaced a call for a moment; it has
	// used up nothing.
	for i, caller := range []string{"ada", "bob"} {
		for {
			if _, wait := take(t, r, caller); wait != 0 {
				break
			}
			allowed[i].Add(1)
		}
	}
	ada, bob := allowed[0].Load(), allowed[1].Load()
	if ada+bob != 40 || ada > 30 || bob > 30 {
		t.Errorf("%d and %d calls are allowed; want 40 together, and at most 30 of each", ada, bob)
	}
}

func anyText(t *testing.T, s suite) {
	r := s.bind("Text", runtime.Rate{PerSecond: slow, Burst: 1, Key: runtime.ByPrincipal})
	for _, caller := range []string{
		"\x00", "\x00\x00", "\xff\xfe", "a b", "a\r\nb", "{a}", "{b}", "*", "%d", "ä", strings.Repeat("x", 1<<16), strings.Repeat("x", 1<<16) + "y",
	} {
		allows(t, r, caller, 1)
		rejects(t, r, caller, 0)
	}
}

func extremes(t *testing.T, s suite) {
	for name, test := range map[string]struct {
		rate    runtime.Rate
		allowed int // at least
		rejects bool
	}{
		"Fast":     {runtime.Rate{PerSecond: 1e9, Burst: math.MaxInt32}, 50, false},
		"Fastest":  {runtime.Rate{PerSecond: math.MaxFloat64, Burst: 50}, 50, false},
		"Infinite": {runtime.Rate{PerSecond: math.Inf(1), Burst: 50}, 50, false},
		"Slowest":  {runtime.Rate{PerSecond: math.SmallestNonzeroFloat64, Burst: 1}, 1, true},
		"Yearly":   {runtime.Rate{PerSecond: 1.0 / (365 * 24 * 3600), Burst: 3}, 3, true},
		"Big":      {runtime.Rate{PerSecond: 1.0 / 3600, Burst: math.MaxInt32}, 50, false},
		"Zero":     {runtime.Rate{PerSecond: 0, Burst: 0}, 1, true},
		"NaN":      {runtime.Rate{PerSecond: math.NaN(), Burst: -1}, 1, true},
	} {
		r := s.bind(name, test.rate)
		allows(t, r, "", test.allowed)
		if test.rejects {
			rejects(t, r, "", 0)
		}
	}
}

func ended(t *testing.T, s suite) {
	r := s.bind("Ended", runtime.Rate{PerSecond: slow, Burst: 1})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	began := time.Now()
	_, _, err := r.Take(ctx, "") // may decide, or return the context's error
	if err != nil && err != context.Canceled {
		t.Errorf("%v, want none or the error of the context", err)
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("a call that has ended took %v", took)
	}
}
