package redislimit

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/redislimit/internal/redistest"
)

// TestOneRoundTrip counts the requests of calls with several rates, of which some are rejected.
func TestOneRoundTrip(t *testing.T) {
	s := redistest.Start(t)
	l, _ := newLimiter(t, s.Client(), WithTimeout(generous))
	r := bind(l, "M",
		runtime.Rate{PerSecond: slow, Burst: 50, Key: runtime.ByPrincipal},
		runtime.Rate{PerSecond: slow, Burst: 60, Key: runtime.ByPrincipal},
		runtime.Rate{PerSecond: slow, Burst: 70},
	)
	take(t, r, "eve") // loads the script
	s.Do("CONFIG", "RESETSTAT")
	if n := allowed(t, r, "ada", 50); n != 50 {
		t.Errorf("%d calls are allowed, want 50", n)
	}
	if sha, whole := s.Calls("evalsha"), s.Calls("eval"); sha != 50 || whole != 0 {
		t.Errorf("%d requests by hash and %d with the script for 50 calls", sha, whole)
	}
	if n := allowed(t, r, "ada", 1000); n != 0 {
		t.Errorf("%d more calls are allowed", n)
	}
	if sha := s.Calls("evalsha"); sha > 50+30 { // one a second, on a slow machine
		t.Errorf("%d requests for 1000 calls that were rejected", sha-50)
	}
	if stats := l.Stats(); stats.Shared+stats.Remembered != 1051 || stats.Local+stats.Failures+stats.Outages != 0 {
		t.Errorf("%+v", stats)
	}
	s.Do("SCRIPT", "FLUSH")
	s.Do("CONFIG", "RESETSTAT")
	if n := allowed(t, r, "bob", 10); n != 10 {
		t.Errorf("%d calls are allowed after SCRIPT FLUSH, want 10", n)
	}
	if sha, whole := s.Calls("evalsha"), s.Calls("eval"); sha != 10 || whole != 1 {
		t.Errorf("%d requests by hash and %d with the script after SCRIPT FLUSH", sha, whole)
	}
}

// TestTheLongestWait has two rates reject a call.
func TestTheLongestWait(t *testing.T) {
	s := redistest.Start(t)
	l, _ := newLimiter(t, s.Client(), WithTimeout(generous))
	r := bind(l, "M",
		runtime.Rate{PerSecond: slow, Burst: 1, Key: runtime.ByPrincipal},
		runtime.Rate{PerSecond: slow / 24, Burst: 1},
		runtime.Rate{PerSecond: slow, Burst: 1},
	)
	take(t, r, "ada")
	rate, wait, err := r.Take(t.Context(), "ada")
	if rate != 1 || wait < 23*time.Hour || err != nil {
		t.Errorf("rate %d, wait %v, %v; want the rate that rejects for a day", rate, wait, err)
	}
}

// TestKeysInRedis checks what someone sees who reads Redis.
func TestKeysInRedis(t *testing.T) {
	s := redistest.Start(t)
	l, _ := newLimiter(t, s.Client(), WithTimeout(generous), WithNamespace("shop:prod"), WithSecret([]byte("0123456789abcdef")))
	rates := []runtime.Rate{
		{PerSecond: slow, Burst: 30, Key: runtime.ByPrincipal},
		{PerSecond: slow, Burst: 60, Key: runtime.ByPrincipal},
		{PerSecond: slow, Burst: 20},
	}
	r := bind(l, "Create", rates...)
	callers := []string{"ada@example.com", "\x00203.0.113.7", strings.Repeat("long", 10_000), "{x}", "\x00\r\n", "*"}
	for _, caller := range callers {
		if !take(t, r, caller) {
			t.Errorf("%.20q is rejected", caller)
		}
	}
	take(t, bind(l, "Create", runtime.Rate{PerSecond: slow, Burst: 9, Key: runtime.ByPeer}), "\x00203.0.113.7")
	take(t, bind(l, strings.Repeat("Long", 100), rates...), "ada")
	form := regexp.MustCompile(`^shop:prod:\{(test\.v1\.S/Create|[0-9a-f]{32})\}:(m0|[pa][01]:[A-Za-z0-9_-]{22})$`)
	keys := s.Keys()
	if want := 2*len(callers) + 1 + 1 + 3; len(keys) != want {
		t.Errorf("%d keys, want %d: %q", len(keys), want, keys)
	}
	for _, key := range keys {
		if !form.MatchString(key) {
			t.Errorf("the key %q", key)
		}
		calls := 1
		if strings.HasSuffix(key, "Create}:m0") {
			calls = len(callers)
		}
		most := time.Duration(calls) * time.Hour
		if ttl := time.Duration(s.Do("PTTL", key).(int64)) * time.Millisecond; ttl < most-time.Minute || ttl > most+10*time.Millisecond {
			t.Errorf("the key %q expires in %v; want %v, when its bucket is full", key, ttl, most)
		}
	}
	s.Do("FLUSHALL")
	take(t, bind(l, "Create", runtime.Rate{PerSecond: 10, Burst: 20, Key: runtime.ByPrincipal}), "ada")
	redistest.Until(t, "the keys expire", func() bool { return len(s.Keys()) == 0 })
}

// TestSecrets checks that hashes depend on the secret, and that the methods of another namespace
// have separate bursts.
func TestSecrets(t *testing.T) {
	s := redistest.Start(t)
	for i, opt := range []Option{
		WithNamespace(DefaultNamespace),
		WithSecret([]byte("0123456789abcdef")),
		WithSecret([]byte("0123456789abcdeg")),
		WithNamespace("other"),
	} {
		l, _ := newLimiter(t, s.Client(), WithTimeout(generous), opt)
		if n := allowed(t, bind(l, "M", runtime.Rate{PerSecond: slow, Burst: 2, Key: runtime.ByPrincipal}), "ada", 4); n != 2 {
			t.Errorf("%d: %d calls are allowed, want 2", i, n)
		}
	}
	if keys := s.Keys(); len(keys) != 4 {
		t.Errorf("keys %q, want 4", keys)
	}
}

// TestReplicasShareARate has replicas call as fast as they can.
func TestReplicasShareARate(t *testing.T) {
	s := redistest.Start(t)
	const perSecond, burst, replicas = 500, 100, 3
	var count atomic.Int64
	var wg sync.WaitGroup
	var rates []*methodRates
	for range replicas {
		l, _ := newLimiter(t, s.Client(), WithTimeout(generous))
		rates = append(rates, bind(l, "M", runtime.Rate{PerSecond: perSecond, Burst: burst}))
	}
	began := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	for _, r := range rates {
		for range 4 {
			wg.Go(func() {
				for ctx.Err() == nil {
					if _, wait, err := r.Take(ctx, ""); err == nil && wait == 0 {
						count.Add(1)
					} else {
						time.Sleep(min(wait, 50*time.Millisecond))
					}
				}
			})
		}
	}
	wg.Wait()
	most := perSecond*time.Since(began).Seconds() + burst
	if got := float64(count.Load()); got > most+1 || got < burst+1 {
		t.Errorf("%v calls are allowed, want at most %v, and more than the burst", got, most)
	}
	t.Logf("%d calls are allowed of %.0f", count.Load(), most)
}

// TestExactRates checks that buckets are exact to the nanosecond, which is more than the numbers of
// Lua hold.
func TestExactRates(t *testing.T) {
	s := redistest.Start(t)
	l, _ := newLimiter(t, s.Client(), WithTimeout(generous))
	r := bind(l, "M", runtime.Rate{PerSecond: 1.0 / 3600.000000123, Burst: 100})
	const n = 50
	if got := allowed(t, r, "", n); got != n {
		t.Fatalf("%d calls are allowed", got)
	}
	value := s.Do("GET", "ratelimit:{test.v1.S/M}:m0").(string)
	if len(value) != 19 || !strings.HasSuffix(value, fmt.Sprint(n*123%1000)) {
		t.Errorf("the bucket is %q; want nanoseconds since 1970 that end with those of %d intervals", value, n)
	}
}

// TestBuckets checks the numbers of extreme rates.
func TestBuckets(t *testing.T) {
	for _, test := range []struct {
		perSecond      float64
		burst          int
		interval, span time.Duration
	}{
		{10, 5, 100 * time.Millisecond, 500 * time.Millisecond},
		{1e12, 5, 1, 5},
		{math.Inf(1), 5, 1, 5},
		{0, 5, longest, longest},
		{math.NaN(), 5, longest, longest},
		{-1, 0, longest, longest},
		{1, 0, time.Second, time.Second},
		{1, math.MaxInt, time.Second, longest / time.Second * time.Second},
		{1e9, math.MaxInt, 1, math.MaxInt32},
	} {
		b := bucketOf(runtime.Rate{PerSecond: test.perSecond, Burst: test.burst})
		if b.interval != test.interval || b.span != min(test.span, b.interval*math.MaxInt32) && b.span != test.span {
			t.Errorf("%v a second, %d at once: %+v, want %v and %v", test.perSecond, test.burst, b, test.interval, test.span)
		}
	}
}

// TestFlushAll checks that FLUSHALL gives each caller one burst, and not more.
func TestFlushAll(t *testing.T) {
	s := redistest.Start(t)
	l, log := newLimiter(t, s.Client(), WithTimeout(generous))
	r := bind(l, "M", runtime.Rate{PerSecond: slow, Burst: 5, Key: runtime.ByPrincipal})
	total := allowed(t, r, "ada", 5)
	s.Do("FLUSHALL")
	redistest.Until(t, "calls are allowed after FLUSHALL", func() bool {
		if take(t, r, "ada") {
			total++
			return true
		}
		return false
	})
	total += allowed(t, r, "ada", 10)
	if total != 10 || len(log.lines(slog.LevelWarn)) != 0 {
		t.Errorf("%d calls are allowed, want a burst and another after FLUSHALL; log: %q", total, log.lines(slog.LevelWarn))
	}
}

// TestForeignValues writes values that are no buckets, as the clock of Redis, other versions and
// other programs might.
func TestForeignValues(t *testing.T) {
	s := redistest.Start(t)
	l, log := newLimiter(t, s.Client(), WithTimeout(generous))
	const key = "ratelimit:{test.v1.S/M}:m0"
	now := time.Now().UnixNano()
	for name, test := range map[string]struct {
		write   []any
		allowed int // of 3 calls, with a burst of 3 that takes 3 hours to fill
	}{
		"a clock that was set back by a day":    {[]any{"SET", key, fmt.Sprint(now + int64(24*time.Hour))}, 0},
		"a clock that was set forward by a day": {[]any{"SET", key, fmt.Sprint(now - int64(24*time.Hour))}, 3},
		"half a burst":                          {[]any{"SET", key, fmt.Sprint(now + int64(time.Hour+time.Minute))}, 1},
		"a number that is too large for Lua":    {[]any{"SET", key, "9999999999999999999"}, 0},
		"a number that is too long":             {[]any{"SET", key, strings.Repeat("9", 400)}, 1},
		"a small number":                        {[]any{"SET", key, "12"}, 1},
		"a text":                                {[]any{"SET", key, "hello"}, 1},
		"not a number":                          {[]any{"SET", key, "nan"}, 1},
		"a hexadecimal number":                  {[]any{"SET", key, "0x1234567"}, 1},
		"an empty text":                         {[]any{"SET", key, ""}, 1},
		"a list":                                {[]any{"LPUSH", key, "1"}, 1},
		"a negative number":                     {[]any{"SET", key, "-1764354644000000000"}, 1},
		"a hash":                                {[]any{"HSET", key, "a", "b"}, 1},
		"a number without an expiry":            {[]any{"SET", key, fmt.Sprint(now)}, 3},
		"a number with a fraction":              {[]any{"SET", key, "1764354644000000.5"}, 1},
		"a number with a line break":            {[]any{"SET", key, "1764354644000000\n"}, 1},
	} {
		s.Do("DEL", key)
		s.Do(test.write...)
		r := bind(l, "M", runtime.Rate{PerSecond: slow, Burst: 3})
		if got := allowed(t, r, "", 3); got != test.allowed {
			t.Errorf("%s: %d calls are allowed, want %d", name, got, test.allowed)
		}
		if ttl := s.Do("PTTL", key).(int64); ttl < 0 || ttl > (3*time.Hour).Milliseconds()+10 {
			t.Errorf("%s: the key expires in %d ms", name, ttl)
		}
	}
	if lines := log.lines(slog.LevelWarn); len(lines) > 0 {
		t.Errorf("logged %q", lines)
	}
}

// TestClockSetBack checks that a caller does not wait until the clock is where it was.
func TestClockSetBack(t *testing.T) {
	s := redistest.Start(t)
	l, _ := newLimiter(t, s.Client(), WithTimeout(generous))
	r := bind(l, "M", runtime.Rate{PerSecond: 20, Burst: 10})
	s.Do("SET", "ratelimit:{test.v1.S/M}:m0", fmt.Sprint(time.Now().Add(time.Hour).UnixNano()))
	began := time.Now()
	redistest.Until(t, "a call is allowed", func() bool { return take(t, r, "") })
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("a call is allowed after %v, want one interval of 50ms", took)
	}
}

// TestRatesChange checks that a method whose rate changes keeps what callers have used up.
func TestRatesChange(t *testing.T) {
	s := redistest.Start(t)
	l, _ := newLimiter(t, s.Client(), WithTimeout(generous))
	rate := func(perSecond float64, burst int) *methodRates {
		return bind(l, "M", runtime.Rate{PerSecond: perSecond, Burst: burst, Key: runtime.ByPrincipal})
	}
	if n := allowed(t, rate(slow, 4), "ada", 10); n != 4 {
		t.Errorf("%d calls are allowed, want 4", n)
	}
	if n := allowed(t, rate(slow, 6), "ada", 10); n != 2 {
		t.Errorf("%d more calls are allowed with a burst of 6, want 2", n)
	}
	if n := allowed(t, rate(slow, 3), "ada", 10); n != 0 {
		t.Errorf("%d more calls are allowed with a burst of 3, want none", n)
	}
	faster := rate(20, 2)
	began := time.Now()
	redistest.Until(t, "the higher rate allows a call", func() bool { return take(t, faster, "ada") })
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("after %v, want 50ms", took)
	}
}

// TestSharesContinue binds a method again while Redis is away.
func TestSharesContinue(t *testing.T) {
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"})
	defer client.Close()
	l, _ := newLimiter(t, client, WithReplicas(1))
	rates := []runtime.Rate{{PerSecond: slow, Burst: 3}, {PerSecond: slow, Burst: 2, Key: runtime.ByPrincipal}}
	peers := runtime.Rate{PerSecond: slow, Burst: 4, Key: runtime.ByPeer}
	for i, want := range []int{2, 0} {
		if n := allowed(t, bind(l, "M", rates...), "ada", 5); n != want {
			t.Errorf("bound for the %d. time: %d calls are allowed, want %d", i+1, n, want)
		}
		if n := allowed(t, bind(l, "M", peers), "\x00::1", 5); n != 2*want {
			t.Errorf("peers, bound for the %d. time: %d calls are allowed, want %d", i+1, n, 2*want)
		}
	}
	if n := allowed(t, bind(l, "Other", rates...), "ada", 5); n != 2 {
		t.Errorf("another method: %d calls are allowed, want 2", n)
	}
}

// TestManyCallers checks that callers beyond the maximum share a key, on each replica.
func TestManyCallers(t *testing.T) {
	s := redistest.Start(t)
	for replica := range 2 {
		l, _ := newLimiter(t, s.Client(), WithTimeout(generous))
		l.maxCallers = 50
		r := bind(l, "M", runtime.Rate{PerSecond: slow, Burst: 2, Key: runtime.ByPeer}, runtime.Rate{PerSecond: slow, Burst: 1000})
		total := 0
		for i := range 200 {
			total += allowed(t, r, fmt.Sprint(replica, "-", i), 2)
		}
		if want := 2*50 + 2*(1-replica); total != want {
			t.Errorf("replica %d: %d calls are allowed, want %d", replica, total, want)
		}
	}
	if n := len(s.Keys()); n != 2*50+1+1 {
		t.Errorf("%d keys, want one for each of 100 callers, one for the others, and the method's", n)
	}
}

// TestCallsThatEnded checks that calls that have ended are not counted, and that those that end
// while they wait do not count as an outage.
func TestCallsThatEnded(t *testing.T) {
	s := redistest.Start(t)
	l, _ := newLimiter(t, s.Client(), WithTimeout(generous))
	r := bind(l, "M", runtime.Rate{PerSecond: slow, Burst: 2})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 10 {
		if _, _, err := r.Take(ctx, ""); err != context.Canceled {
			t.Errorf("a call that has ended: %v", err)
		}
	}
	if n := allowed(t, r, "", 1); n != 1 {
		t.Error("calls that had ended were counted")
	}
	s.Pause()
	ctx, cancel = context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, _, err := r.Take(ctx, ""); err != context.DeadlineExceeded {
		t.Errorf("a call that ends while Redis is paused: %v", err)
	}
	s.Resume()
	if stats := l.Stats(); stats.Failures != 0 || stats.Away != 0 {
		t.Errorf("%+v; want no failure", stats)
	}
}

func memory(t *testing.T, callers int) {
	s := redistest.Start(t)
	l, _ := newLimiter(t, s.Client(), WithTimeout(generous))
	l.maxCallers = 4 * callers
	r := bind(l, "CreateOrder", runtime.Rate{PerSecond: slow, Burst: 2, Key: runtime.ByPrincipal})
	take(t, r, "first")
	used := func() int {
		_, line, _ := strings.Cut(s.Do("INFO", "memory").(string), "used_memory:")
		var n int
		fmt.Sscan(line, &n)
		return n
	}
	before := used()
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			for n := i; n < callers; n += 16 {
				if !take(t, r, fmt.Sprint("principal-", n)) {
					t.Errorf("principal %d is rejected", n)
					return
				}
			}
		})
	}
	wg.Wait()
	if n := s.Do("DBSIZE").(int64); n < int64(callers) {
		t.Fatalf("%d keys, want %d", n, callers)
	}
	each := (used() - before) / callers
	t.Logf("%d bytes of Redis for each of %d callers", each, callers)
	if each > 300 {
		t.Errorf("%d bytes for each of %d callers, want at most 300", each, callers)
	}
}
