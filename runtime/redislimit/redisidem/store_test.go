package redisidem

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/grpcservice/grpcservice/runtime/idempotency"
	"github.com/grpcservice/grpcservice/runtime/redislimit/internal/redistest"
)

// claim returns a claim of an unused key of a principal.
func claim(principal string) idempotency.Claim {
	c := idempotency.Claim{
		Key:   idempotency.Key{Principal: principal, Method: "/test.v1.S/M", IdempotencyKey: rand.Text()},
		Lease: time.Hour,
	}
	rand.Read(c.Digest[:])
	rand.Read(c.Fence[:])
	return c
}

// rival returns a claim of the same key by another call.
func rival(c idempotency.Claim) idempotency.Claim {
	rand.Read(c.Fence[:])
	return c
}

// owns reports whether the claim is made.
func owns(t testing.TB, s *Store, c idempotency.Claim) bool {
	t.Helper()
	entry, err := s.Begin(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return entry.Fence == c.Fence && !entry.Done
}

// memory returns the bytes that Redis uses for data.
func memory(t testing.TB, server *redistest.Server) int {
	_, rest, ok := strings.Cut(server.Do("INFO", "memory").(string), "used_memory_dataset:")
	n, err := strconv.Atoi(strings.TrimSpace(strings.SplitN(rest, "\n", 2)[0]))
	if !ok || err != nil {
		t.Fatal("INFO memory has no used_memory_dataset")
	}
	return n
}

// TestTheStoreTakesNoMoreThanItsBytes fills stores with what callers may send.
func TestTheStoreTakesNoMoreThanItsBytes(t *testing.T) {
	t.Parallel()
	const limit = 4 << 20
	for name, c := range map[string]struct {
		principals, size, n int
		finish              bool
	}{
		"claims":                 {500, 0, 10000, false},
		"small responses":        {1, 0, 10000, true},
		"many principals":        {10000, 16, 10000, true},
		"responses of a size":    {10, 3000, 5000, true},
		"responses of all sizes": {10, -1, 5000, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t)
			s := newStore(t, server.Client(), WithMaxBytes(limit))
			before := memory(t, server)
			for i := range c.n {
				size := c.size
				if size < 0 {
					size = i * 7919 % 16384
				}
				next := claim(fmt.Sprint("p", i%c.principals))
				_, err := s.Begin(t.Context(), next)
				if errors.Is(err, idempotency.ErrFull) {
					continue
				}
				if err != nil {
					t.Fatal(err)
				}
				if c.finish {
					if err := s.Finish(t.Context(), next.Key, next.Fence, make([]byte, size), time.Hour); err != nil {
						t.Fatal(err)
					}
				}
			}
			if used := memory(t, server) - before; used > limit+limit/8 {
				t.Errorf("Redis uses %d bytes for a store of %d", used, limit)
			} else {
				t.Logf("Redis uses %.0f%% of the bytes of the store", 100*float64(used)/limit)
			}
			if keys := server.Keys(); len(keys) > 8 {
				t.Errorf("the store has %d keys: %q", len(keys), keys)
			}
		})
	}
}

// TestAPartOfTheStoreIsLost deletes each key, as a server does that evicts keys.
func TestAPartOfTheStoreIsLost(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	s := newStore(t, server.Client())
	for _, key := range s.names.keys {
		done, running := claim("ada"), claim("eve")
		if !owns(t, s, done) || !owns(t, s, running) {
			t.Fatal("an unused key is not free")
		}
		if err := s.Finish(t.Context(), done.Key, done.Fence, []byte("response"), time.Hour); err != nil {
			t.Fatal(err)
		}
		server.Do("DEL", key)
		if !owns(t, s, rival(done)) {
			t.Errorf("without %s, a response is left", key)
		}
		if err := s.Renew(t.Context(), running.Key, running.Fence, time.Hour); !errors.Is(err, idempotency.ErrLost) {
			t.Errorf("without %s, Renew returned %v, want ErrLost", key, err)
		}
		if n := server.Do("HGET", s.names.keys[7], "n"); n != "1" {
			t.Errorf("without %s, the store counts %v entries, want the new one", key, n)
		}
	}
}

// TestTheLateReplyOfAClaimIsReleased suspends Redis for longer than a call waits.
func TestTheLateReplyOfAClaimIsReleased(t *testing.T) {
	t.Parallel()
	noLeaks(t)
	server := redistest.Start(t)
	client := server.Client()
	s := newStore(t, client)
	owns(t, s, claim("warm"))
	impatient := newStore(t, client, WithTimeout(50*time.Millisecond))
	server.Pause()
	c := claim("ada")
	if _, err := impatient.Begin(t.Context(), c); !errors.Is(err, errLate) {
		t.Errorf("Begin: %v, want errLate", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Begin(ctx, claim("ada")); !errors.Is(err, context.Canceled) {
		t.Errorf("Begin of a call that is over: %v", err)
	}
	server.Resume()
	redistest.Until(t, "the key is free", func() bool { return owns(t, s, rival(c)) })
}

func TestRedisIsAway(t *testing.T) {
	t.Parallel()
	noLeaks(t)
	server := redistest.Start(t)
	s := newStore(t, server.Client())
	c := claim("ada")
	owns(t, s, c)
	server.Kill()
	if _, err := s.Begin(t.Context(), c); err == nil {
		t.Error("Begin has no error")
	}
	for name, err := range map[string]error{
		"Renew":   s.Renew(t.Context(), c.Key, c.Fence, time.Hour),
		"Finish":  s.Finish(t.Context(), c.Key, c.Fence, nil, time.Hour),
		"Release": s.Release(t.Context(), c.Key, c.Fence),
	} {
		if err == nil || errors.Is(err, idempotency.ErrLost) || errors.Is(err, idempotency.ErrFull) {
			t.Errorf("%s: %v, want that Redis is away", name, err)
		}
	}
	server.Restart() // without its data and scripts
	if !owns(t, s, rival(c)) {
		t.Error("a Redis that is new has a claim")
	}
}

// TestAFinishThatIsSentTwice sends the same request twice, as a client does that has lost the reply.
func TestAFinishThatIsSentTwice(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	s := newStore(t, server.Client())
	c := claim("ada")
	owns(t, s, c)
	args := []any{s.maxBytes, s.names.id(c.Key), c.Fence[:], "nonce--1", int64(1e6), entrySize, "response"}
	for range 2 {
		if err := s.requests.run(scriptFinish, s.names.keys, args).verdict(); err != nil {
			t.Error(err)
		}
	}
	args[3] = "nonce--2"
	if err := s.requests.run(scriptFinish, s.names.keys, args).verdict(); !errors.Is(err, idempotency.ErrLost) {
		t.Errorf("another Finish: %v, want ErrLost", err)
	}
}

// TestHostileTexts uses keys that differ only in where their parts end, and that have what scripts
// and clusters read.
func TestHostileTexts(t *testing.T) {
	t.Parallel()
	s := newStore(t, redistest.Start(t).Client())
	texts := []string{"", "\x00", "a", "a\x00b", "{x}", "}{", "\xff\xfe", "'; return 1 --", strings.Repeat("k", 256)}
	for _, principal := range texts {
		for _, key := range texts {
			c := claim(principal)
			c.Key.IdempotencyKey = key
			if !owns(t, s, c) {
				t.Errorf("the key %q of %q is that of another", key, principal)
			}
		}
	}
}

func TestAReplyThatIsNotFromTheScript(t *testing.T) {
	for _, value := range []any{nil, "OK", int64(1), []any{}, []any{"x"}, []any{"x", "y", "z", "w"}, []any{int64(1), nil, "", ""},
		[]any{strings.Repeat("x", 16), strings.Repeat("y", 32), "1", ""}} {
		if _, err := (reply{value: value}).entry(); err == nil {
			t.Errorf("%v is an entry", value)
		}
		if err := (reply{value: value}).verdict(); err == nil {
			t.Errorf("%v is a verdict", value)
		}
	}
}

func TestOptionsWithMistakes(t *testing.T) {
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"})
	defer client.Close()
	for want, opt := range map[string]Option{
		"WithTimeout(0s)":         WithTimeout(0),
		"WithMaxBytes(1)":         WithMaxBytes(1),
		`WithNamespace("")`:       WithNamespace(""),
		`WithNamespace("{x}")`:    WithNamespace("{x}"),
		"WithNamespace: 65 bytes": WithNamespace(strings.Repeat("x", 65)),
		"WithSecret: 3 bytes":     WithSecret([]byte("abc")),
	} {
		if _, err := New(client, opt); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	if _, err := New(nil); err == nil {
		t.Error("a client that is nil is accepted")
	}
	if _, err := New((*redis.Client)(nil)); err == nil {
		t.Error("a nil *redis.Client is accepted")
	}
}
