package jwtauth

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/grpcservice/grpcservice/runtime/internal/echotest"
)

// origin is what a remote source fetches from.
type origin struct {
	took    time.Duration // by a fetch
	fetches atomic.Int64
	records echotest.Records

	mu     sync.Mutex
	result fetched
	err    error
}

func (o *origin) set(result fetched, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.result, o.err = result, err
}

func (o *origin) fetch(ctx context.Context) (fetched, error) {
	o.fetches.Add(1)
	o.mu.Lock()
	result, err := o.result, o.err
	o.mu.Unlock()
	select {
	case <-time.After(o.took):
		return result, err
	case <-ctx.Done():
		return fetched{}, ctx.Err()
	}
}

func setOf(t *testing.T, ids ...string) *keySet {
	t.Helper()
	var keys []*key
	for _, id := range ids {
		public, _, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		k, err := newKey(id, public, "")
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, k)
	}
	set, err := newKeySet(keys)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// source returns a remote source of o with the default timing.
func (o *origin) source() *remote {
	logger := o.records.Logger(slog.LevelInfo)
	return newRemote(o.fetch, timing{
		minAge: 5 * time.Minute, maxAge: time.Hour, maxStale: 24 * time.Hour,
		coolDown: 10 * time.Second, timeout: 5 * time.Second, now: time.Now,
	}, func() *slog.Logger { return logger })
}

// wantFetches compares the number of fetches so far.
func (o *origin) wantFetches(t *testing.T, want int64) {
	t.Helper()
	synctest.Wait()
	if got := o.fetches.Load(); got != want {
		t.Errorf("%d fetches, want %d", got, want)
	}
}

func TestFirstKeysAreAwaited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &origin{took: time.Second, result: fetched{set: setOf(t, "a"), maxAge: -1}}
		r := o.source()
		if r.current(time.Now()) != nil {
			t.Error("keys without a fetch")
		}
		o.wantFetches(t, 0)
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				if set, err := r.newer(t.Context(), nil, time.Now()); err != nil || !set.has("a") {
					t.Errorf("%v, %v", set, err)
				}
			})
		}
		wg.Wait()
		o.wantFetches(t, 1)
	})
}

// TestCallerGivesUp checks that a caller who waits obeys its context, and that the fetch goes on.
func TestCallerGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &origin{took: 3 * time.Second, result: fetched{set: setOf(t, "a"), maxAge: -1}}
		r := o.source()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		if _, err := r.newer(ctx, nil, time.Now()); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
		if took := time.Since(start); took != time.Second {
			t.Errorf("waited %v", took)
		}
		time.Sleep(3 * time.Second)
		if r.current(time.Now()) == nil {
			t.Error("the fetch ended with its caller")
		}
		o.wantFetches(t, 1)
	})
}

// TestRefreshAheadOfTime checks that keys are fetched again before they are old, while callers use
// those that there are.
func TestRefreshAheadOfTime(t *testing.T) {
	for name, c := range map[string]struct {
		maxAge           time.Duration
		earliest, latest time.Duration
	}{
		"within the bounds":   {20 * time.Minute, 15 * time.Minute, 19 * time.Minute},
		"less than allowed":   {0, 225 * time.Second, 285 * time.Second},
		"more than allowed":   {48 * time.Hour, 45 * time.Minute, 57 * time.Minute},
		"without an age":      {-1, 24 * time.Minute, 31 * time.Minute},
		"as large as it gets": {1<<63 - 1, 45 * time.Minute, 57 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := &origin{took: time.Second, result: fetched{set: setOf(t, "a"), maxAge: c.maxAge}}
				r := o.source()
				if err := r.ready(t.Context(), time.Now()); err != nil {
					t.Fatal(err)
				}
				first := r.current(time.Now())
				time.Sleep(c.earliest - time.Second)
				r.current(time.Now())
				o.wantFetches(t, 1)
				o.set(fetched{set: setOf(t, "b"), maxAge: c.maxAge}, nil)
				time.Sleep(c.latest - c.earliest + 2*time.Second)
				start := time.Now()
				if set := r.current(start); set != first || time.Now() != start {
					t.Error("a caller waited for the refresh")
				}
				time.Sleep(2 * time.Second)
				o.wantFetches(t, 2)
				if set := r.current(time.Now()); !set.has("b") || set.has("a") || !first.keys[0].retired.Load() {
					t.Error("the keys are not replaced")
				}
			})
		})
	}
}

// TestOutage checks that keys stay in use while they cannot be fetched, for a limited time, that
// attempts are spaced, and that the same error is logged once.
func TestOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		keys := setOf(t, "a")
		o := &origin{result: fetched{set: keys, maxAge: -1}}
		r := o.source()
		if err := r.ready(t.Context(), time.Now()); err != nil {
			t.Fatal(err)
		}
		fetchedAt := time.Now()
		o.set(fetched{}, errors.New("the issuer is down"))
		for time.Since(fetchedAt) < 24*time.Hour-time.Second {
			time.Sleep(500 * time.Millisecond)
			if now := time.Now(); now.Sub(fetchedAt) < 24*time.Hour && r.current(now) != keys {
				t.Fatalf("no keys after %v", now.Sub(fetchedAt))
			}
		}
		if n := o.fetches.Load(); n < 1300 || n > 1500 { // once a minute
			t.Errorf("%d fetches in a day", n)
		}
		time.Sleep(2 * time.Second)
		if r.current(time.Now()) != nil {
			t.Error("keys of yesterday are in use")
		}
		// The first call fetches, if the fetch after the last failure is due.
		if _, err := r.newer(t.Context(), nil, time.Now()); err == nil ||
			!strings.Contains(err.Error(), "the issuer is down") {
			t.Errorf("%v", err)
		}
		var limit *limitError
		if _, err := r.newer(t.Context(), nil, time.Now()); !errors.As(err, &limit) || !limit.failing ||
			limit.wait > time.Minute || !strings.Contains(err.Error(), "the issuer is down") {
			t.Errorf("%v", err)
		}
		o.set(fetched{set: keys, maxAge: -1}, nil)
		time.Sleep(time.Minute)
		if set, err := r.newer(t.Context(), nil, time.Now()); set != keys || err != nil {
			t.Errorf("after the outage: %v", err)
		}
		synctest.Wait() // records are written after the callers are released
		if n := len(o.records.Named(t, "the issuer's keys cannot be fetched; those of the last time stay in use")); n != 1 {
			t.Errorf("the error was logged %d times", n)
		}
		if n := len(o.records.Named(t, "the issuer's keys can be fetched again")); n != 1 {
			t.Errorf("the end of the outage was logged %d times", n)
		}
	})
}

// TestFlood asks for keys that do not exist, more often than a source fetches, and checks that no
// caller waits for the next fetch, that not too many wait for the one that runs, and that a new key
// is found after it.
func TestFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		keys := setOf(t, "a")
		o := &origin{took: time.Second, result: fetched{set: keys, maxAge: -1}}
		r := o.source()
		if err := r.ready(t.Context(), time.Now()); err != nil {
			t.Fatal(err)
		}
		for second := range 40 {
			var wg sync.WaitGroup
			var busy atomic.Int64
			for range 2 * maxWaiting {
				wg.Go(func() {
					var limit *limitError
					start := time.Now()
					set, err := r.newer(t.Context(), keys, start)
					if set != keys || err != nil && !errors.As(err, &limit) {
						t.Errorf("%v, %v", set, err)
					}
					if limit != nil && (limit.wait <= 0 || limit.wait > 10*time.Second || limit.failing) {
						t.Errorf("%+v", limit)
					}
					if time.Since(start) == 0 {
						busy.Add(1)
					} else if time.Since(start) > time.Second {
						t.Errorf("waited %v", time.Since(start))
					}
				})
			}
			wg.Wait()
			if waited := 2*maxWaiting - busy.Load(); waited > maxWaiting {
				t.Errorf("second %d: %d callers waited", second, waited)
			}
			time.Sleep(time.Second)
		}
		if n := o.fetches.Load(); n < 5 || n > 7 {
			t.Errorf("%d fetches", n)
		}
		time.Sleep(10 * time.Second)
		o.set(fetched{set: setOf(t, "b"), maxAge: -1}, nil)
		if set, err := r.newer(t.Context(), keys, time.Now()); err != nil || !set.has("b") {
			t.Errorf("%v, %v", set, err)
		}
	})
}

// TestFetchThatRanAlready checks that a token whose key is published while a fetch runs is not
// rejected because that fetch was too early.
func TestFetchThatRanAlready(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		old := setOf(t, "a")
		o := &origin{took: time.Second, result: fetched{set: old, maxAge: -1}}
		r := o.source()
		if err := r.ready(t.Context(), time.Now()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		r.current(time.Now()) // starts a fetch
		synctest.Wait()
		o.set(fetched{set: setOf(t, "a", "b"), maxAge: -1}, nil)
		if set, err := r.newer(t.Context(), old, time.Now()); err != nil || !set.has("b") {
			t.Errorf("%v, %v", set, err)
		}
	})
}

// TestPanicOfTransport checks that a panic while fetching is an error.
func TestPanicOfTransport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &origin{}
		r := o.source()
		r.fetch = func(context.Context) (fetched, error) { panic("boom") }
		if err := r.ready(t.Context(), time.Now()); err == nil || !strings.Contains(err.Error(), "boom") {
			t.Error(err)
		}
	})
}

// TestRunKeepsKeysFresh checks that Run fetches without calls, and ends.
func TestRunKeepsKeysFresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &origin{result: fetched{set: setOf(t, "a"), maxAge: 10 * time.Minute}}
		a := &Authenticator{source: o.source(), now: time.Now}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- a.Run(ctx) }()
		time.Sleep(time.Hour)
		if n := o.fetches.Load(); n < 6 || n > 9 {
			t.Errorf("%d fetches in an hour", n)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// TestSetsKeepKeys checks that a key of both sets stays the same one, and that others are retired.
func TestSetsKeepKeys(t *testing.T) {
	old := setOf(t, "a", "b")
	same := &keySet{keys: []*key{copyOf(old.keys[1]), copyOf(old.keys[0])}}
	if same.after(old) != old {
		t.Error("equal sets differ")
	}
	c := setOf(t, "c").keys[0]
	next := (&keySet{keys: []*key{copyOf(old.keys[1]), c}}).after(old)
	next.retire(old)
	if next.keys[0] != old.keys[1] || next.keys[1] != c || !old.keys[0].retired.Load() || old.keys[1].retired.Load() {
		t.Error("wrong keys are retired")
	}
	if other := (&keySet{keys: []*key{old.keys[0], old.keys[0]}}).after(old); other == old {
		t.Error("a set with one key twice equals one with both")
	}
}

func copyOf(k *key) *key { return &key{id: k.id, methods: k.methods, public: k.public} }

// TestCacheIsBounded fills the cache with more tokens than it holds, and checks that it keeps those
// that are valid longest, and none that is not valid.
func TestCacheIsBounded(t *testing.T) {
	now := time.Now()
	c := newCache(ways, time.Hour)
	k := &key{}
	entry := func(n byte) *verified { return &verified{digest: digest{8: n}, key: k} }
	for n := range byte(100) {
		c.put(entry(n), now.Add(time.Duration(n)*time.Second), now)
	}
	held := 0
	for n := range byte(100) {
		if c.get(digest{8: n}, "", now.UnixNano()) != nil {
			held++
		}
	}
	if held != ways || len(c.rows) != 1 {
		t.Errorf("%d tokens in %d rows", held, len(c.rows))
	}
	if c.get(digest{8: 99}, "", now.Add(98*time.Second).UnixNano()) == nil || c.get(digest{8: 99}, "", now.Add(99*time.Second).UnixNano()) != nil {
		t.Error("a token is not valid until it expires")
	}
	if c.get(digest{8: 99}, "other", now.UnixNano()) != nil {
		t.Error("a token with another text is accepted")
	}
	c.put(entry(100), now.Add(2*time.Hour), now)
	if c.get(digest{8: 100}, "", now.Add(time.Hour).UnixNano()) != nil {
		t.Error("a token is cached for longer than the cache allows")
	}
	c.put(entry(101), now.Add(time.Hour), now)
	k.retired.Store(true)
	if c.get(digest{8: 101}, "", now.UnixNano()) != nil {
		t.Error("a token of a retired key is valid")
	}
	for n, want := range map[int]int{1: 1, 8: 1, 9: 2, 10000: 2048} {
		if got := len(newCache(n, time.Hour).rows); got != want {
			t.Errorf("%d tokens: %d rows, want %d", n, got, want)
		}
	}
}

func TestDigest(t *testing.T) {
	a, b := newHasher(), newHasher()
	if a.gcm == nil {
		t.Error("no GCM")
	}
	for _, h := range []*hasher{a, {}} {
		seen := map[digest]string{}
		for n := range 300 {
			for _, text := range []string{strings.Repeat("a", n), strings.Repeat("a", n) + "\x00", fmt.Sprint(n, "b")} {
				if other, ok := seen[h.sum(text)]; ok {
					t.Errorf("%q and %q have the same digest", text, other)
				}
				seen[h.sum(text)] = text
			}
		}
	}
	if a.sum("x") == b.sum("x") {
		t.Error("the digest does not depend on the secret")
	}
}
