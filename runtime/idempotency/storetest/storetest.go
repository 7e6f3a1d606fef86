// Package storetest is the conformance suite of [idempotency.Store]. A backend that passes it makes
// repeated calls take effect once.
//
//	func TestStore(t *testing.T) {
//		storetest.Run(t, func(t *testing.T) idempotency.Store { return mystore.New(database(t)) })
//	}
package storetest

import (
	"bytes"
	"crypto/rand"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/grpcservice/grpcservice/runtime/idempotency"
)

// Times of the suite: a short one expires while a test waits for it, a long one outlives the test.
const (
	short = 20 * time.Millisecond
	long  = time.Hour
	limit = 30 * time.Second // the interval of polling
)

// Run tests a store. newStore returns a new one, empty or not: the keys of the tests are random.
func Run(t *testing.T, newStore func(t *testing.T) idempotency.Store) {
	for name, test := range map[string]func(*testing.T, suite){
		"a claim is the caller's own":                       firstClaim,
		"a claim can be repeated":                           sameClaim,
		"a claim keeps others out":                          heldClaim,
		"keys differ by all they have":                      keysDiffer,
		"a key may hold any text":                           anyText,
		"a response is kept":                                keptResponse,
		"a response is kept although the lease is over":     lateResponse,
		"a response is kept once":                           oneResponse,
		"a response is forgotten after its window":          forgottenResponse,
		"only who holds a claim finishes it":                foreignFinish,
		"a claim that is given back is free":                released,
		"only who holds a claim gives it back":              foreignRelease,
		"a response cannot be given back":                   releasedResponse,
		"a lease that is over is free, and its holder lost": overtaken,
		"a lease that is renewed holds":                     renewed,
		"a lease that is over can be renewed":               renewedLate,
		"a lease is renewed as often as needed":             renewedOften,
		"only who holds a claim renews it":                  foreignRenew,
		"a claim that is gone is not renewed":               renewedTooLate,
		"of many claims at once one is made":                contended,
		"of many claims at once one takes over":             contendedAgain,
	} {
		t.Run(name, func(t *testing.T) { test(t, suite{newStore(t)}) })
	}
}

// suite is a store under test.
type suite struct{ idempotency.Store }

// claim returns a claim of an unused key.
func claim(lease time.Duration) idempotency.Claim {
	c := idempotency.Claim{Key: idempotency.Key{Principal: "ada", Method: "/test.v1.S/M", IdempotencyKey: rand.Text()}, Lease: lease}
	rand.Read(c.Digest[:])
	rand.Read(c.Fence[:])
	return c
}

// rival returns a claim of the same key by another call.
func rival(c idempotency.Claim) idempotency.Claim {
	rand.Read(c.Fence[:])
	c.Lease = long
	return c
}

func (s suite) begin(t *testing.T, c idempotency.Claim) idempotency.Entry {
	t.Helper()
	entry, err := s.Begin(t.Context(), c)
	if err != nil {
		t.Fatalf("Begin: %v", err)
	}
	return entry
}

// own makes a claim that must succeed.
func (s suite) own(t *testing.T, c idempotency.Claim) {
	t.Helper()
	if entry := s.begin(t, c); entry.Fence != c.Fence || entry.Digest != c.Digest || entry.Done {
		t.Fatalf("Begin of a free key returned %+v, want the claim %+v", entry, c)
	}
}

// held checks that the call that made the claim still holds the key.
func (s suite) held(t *testing.T, c idempotency.Claim) {
	t.Helper()
	other := rival(c)
	rand.Read(other.Digest[:])
	if entry := s.begin(t, other); entry.Fence != c.Fence || entry.Digest != c.Digest || entry.Done {
		t.Fatalf("Begin of a key that is claimed returned %+v, want that of the claim %+v", entry, c)
	}
}

// kept checks that the call that made the claim has a stored response.
func (s suite) kept(t *testing.T, c idempotency.Claim, response []byte) {
	t.Helper()
	entry := s.begin(t, rival(c))
	if entry.Fence != c.Fence || entry.Digest != c.Digest || !entry.Done || !bytes.Equal(entry.Response, response) {
		t.Fatalf("Begin of a key that has a response returned %+v, want %d bytes for the claim %+v", entry, len(response), c)
	}
}

func (s suite) finish(t *testing.T, c idempotency.Claim, response string, window time.Duration) {
	t.Helper()
	if err := s.Finish(t.Context(), c.Key, c.Fence, []byte(response), window); err != nil {
		t.Fatalf("Finish: %v", err)
	}
}

func (s suite) lost(t *testing.T, c idempotency.Claim) {
	t.Helper()
	if err := s.Finish(t.Context(), c.Key, c.Fence, []byte("lost"), long); !errors.Is(err, idempotency.ErrLost) {
		t.Fatalf("Finish returned %v, want ErrLost", err)
	}
}

func (s suite) release(t *testing.T, c idempotency.Claim) {
	t.Helper()
	if err := s.Release(t.Context(), c.Key, c.Fence); err != nil {
		t.Fatalf("Release: %v", err)
	}
}

// takeOver makes a claim as soon as the previous one has expired.
func (s suite) takeOver(t *testing.T, c idempotency.Claim) {
	t.Helper()
	for end := time.Now().Add(limit); s.begin(t, c).Fence != c.Fence; time.Sleep(short / 4) {
		if time.Now().After(end) {
			t.Fatalf("the key is not free after %v, which its lease or window was far below", limit)
		}
	}
}

// expire waits until earlier short leases have expired: a lease that starts now expires later.
func (s suite) expire(t *testing.T) {
	t.Helper()
	last := claim(short)
	s.own(t, last)
	s.takeOver(t, rival(last))
}

func firstClaim(t *testing.T, s suite) { s.own(t, claim(long)) }

func sameClaim(t *testing.T, s suite) {
	c := claim(long)
	s.own(t, c)
	s.own(t, c)
	s.finish(t, c, "once", long)
}

func heldClaim(t *testing.T, s suite) {
	c := claim(long)
	s.own(t, c)
	s.held(t, c)
	s.held(t, c)
}

func keysDiffer(t *testing.T, s suite) {
	first := claim(long)
	s.own(t, first)
	for _, change := range []func(*idempotency.Key){
		func(k *idempotency.Key) { k.Principal = "" },
		func(k *idempotency.Key) { k.Principal = "bob" },
		func(k *idempotency.Key) { k.Method = "/test.v1.S/N" },
		func(k *idempotency.Key) { k.IdempotencyKey += "x" },
		func(k *idempotency.Key) { k.IdempotencyKey = strings.ToLower(k.IdempotencyKey) },
		func(k *idempotency.Key) { k.Principal, k.Method = "ada/test.v1.S", "/M" },
	} {
		c := rival(first)
		change(&c.Key)
		s.own(t, c)
		s.finish(t, c, "other", long)
	}
	s.held(t, first)
}

func anyText(t *testing.T, s suite) {
	for _, id := range []string{"ü'\"; --\\ %s\n\t", "a\x00b", "\xff\xc0", strings.Repeat("x", idempotency.MaxIdempotencyKey-26)} {
		c := claim(long)
		c.Key.IdempotencyKey = id + c.Key.IdempotencyKey
		c.Key.Principal = "https://issuer.example.com/realm|" + id + strings.Repeat("x", 10_000)
		s.own(t, c)
		s.finish(t, c, "any", long)
		s.kept(t, c, []byte("any"))
	}
}

func keptResponse(t *testing.T, s suite) {
	large := make([]byte, 1<<20)
	rand.Read(large)
	for _, response := range [][]byte{nil, {0}, []byte("\xff\x00text"), large} {
		c := claim(long)
		s.own(t, c)
		s.finish(t, c, string(response), long)
		s.kept(t, c, response)
		s.kept(t, c, response)
	}
}

func lateResponse(t *testing.T, s suite) {
	c := claim(short)
	s.own(t, c)
	s.expire(t)
	s.finish(t, c, "late", long)
	s.kept(t, c, []byte("late"))
}

func oneResponse(t *testing.T, s suite) {
	c := claim(long)
	s.own(t, c)
	s.finish(t, c, "first", long)
	s.lost(t, c)
	s.kept(t, c, []byte("first"))
}

func forgottenResponse(t *testing.T, s suite) {
	c := claim(long)
	s.own(t, c)
	s.finish(t, c, "short", short)
	other := rival(c)
	rand.Read(other.Digest[:])
	s.takeOver(t, other)
	s.held(t, other)
}

func foreignFinish(t *testing.T, s suite) {
	c := claim(long)
	s.lost(t, c)
	s.own(t, c)
	s.lost(t, rival(c))
	s.held(t, c)
}

func released(t *testing.T, s suite) {
	c := claim(long)
	s.release(t, c) // of nothing
	s.own(t, c)
	s.release(t, c)
	s.release(t, c)
	s.lost(t, c)
	next := rival(c)
	rand.Read(next.Digest[:])
	s.own(t, next)
}

func foreignRelease(t *testing.T, s suite) {
	c := claim(long)
	s.own(t, c)
	s.release(t, rival(c))
	s.held(t, c)
}

func releasedResponse(t *testing.T, s suite) {
	c := claim(long)
	s.own(t, c)
	s.finish(t, c, "kept", long)
	s.release(t, c)
	s.kept(t, c, []byte("kept"))
}

func overtaken(t *testing.T, s suite) {
	c := claim(short)
	s.own(t, c)
	next := rival(c)
	rand.Read(next.Digest[:])
	s.takeOver(t, next)
	s.lost(t, c)
	s.release(t, c)
	s.held(t, next)
	s.finish(t, next, "next", long)
	s.kept(t, next, []byte("next"))
	s.lost(t, c)
}

// renew renews a lease, which must succeed.
func (s suite) renew(t *testing.T, c idempotency.Claim, lease time.Duration) {
	t.Helper()
	if err := s.Renew(t.Context(), c.Key, c.Fence, lease); err != nil {
		t.Fatalf("Renew: %v", err)
	}
}

// notRenewed checks that a claim cannot be renewed.
func (s suite) notRenewed(t *testing.T, c idempotency.Claim) {
	t.Helper()
	if err := s.Renew(t.Context(), c.Key, c.Fence, long); !errors.Is(err, idempotency.ErrLost) {
		t.Fatalf("Renew returned %v, want ErrLost", err)
	}
}

func renewed(t *testing.T, s suite) {
	c := claim(short)
	s.own(t, c)
	s.renew(t, c, long)
	s.expire(t)
	s.held(t, c)
	s.finish(t, c, "renewed", long)
	s.kept(t, c, []byte("renewed"))
}

func renewedLate(t *testing.T, s suite) {
	c := claim(short)
	s.own(t, c)
	s.expire(t)
	s.renew(t, c, long)
	s.held(t, c)
	s.finish(t, c, "late", long)
	s.kept(t, c, []byte("late"))
}

// renewedOften also renews with a short lease, from which the time counts then.
func renewedOften(t *testing.T, s suite) {
	c := claim(long)
	s.own(t, c)
	for range 5 {
		s.renew(t, c, long)
		s.renew(t, c, short)
	}
	next := rival(c)
	rand.Read(next.Digest[:])
	s.takeOver(t, next)
	s.notRenewed(t, c)
	s.held(t, next)
}

func foreignRenew(t *testing.T, s suite) {
	c := claim(short)
	s.own(t, c)
	s.notRenewed(t, rival(c))
	s.takeOver(t, rival(c)) // its lease is as it was
}

// renewedTooLate also checks that nothing is claimed.
func renewedTooLate(t *testing.T, s suite) {
	c := claim(long)
	s.notRenewed(t, c)
	s.own(t, rival(c))

	c = claim(long)
	s.own(t, c)
	s.release(t, c)
	s.notRenewed(t, c)
	s.own(t, rival(c))

	c = claim(long)
	s.own(t, c)
	s.finish(t, c, "kept", long)
	s.notRenewed(t, c)
	s.kept(t, c, []byte("kept"))

	c = claim(short)
	s.own(t, c)
	next := rival(c)
	rand.Read(next.Digest[:])
	s.takeOver(t, next)
	s.notRenewed(t, c)
	s.held(t, next)
}

func contended(t *testing.T, s suite) {
	const callers, keys = 20, 5
	for range keys {
		s.contend(t, claim(long), callers)
	}
}

// contendedAgain makes many claims when a lease expires.
func contendedAgain(t *testing.T, s suite) {
	const callers, keys = 20, 5
	var over [keys]idempotency.Claim
	for i := range over {
		over[i] = claim(short)
		s.own(t, over[i])
	}
	s.expire(t)
	for _, c := range over {
		s.contend(t, c, callers)
		s.lost(t, c)
	}
}

// contend makes many concurrent claims of one free key.
func (s suite) contend(t *testing.T, first idempotency.Claim, callers int) {
	t.Helper()
	owners := make(chan idempotency.Fence, callers)
	seen := make(chan idempotency.Fence, callers)
	var group sync.WaitGroup
	for range callers {
		group.Go(func() {
			c := rival(first)
			entry, err := s.Begin(t.Context(), c)
			if err != nil {
				t.Errorf("Begin: %v", err)
			}
			if entry.Fence == c.Fence {
				owners <- c.Fence
			}
			seen <- entry.Fence
		})
	}
	group.Wait()
	close(seen)
	if len(owners) != 1 {
		t.Fatalf("%d of %d claims of one key were made, want 1", len(owners), callers)
	}
	owner := <-owners
	for fence := range seen {
		if fence != owner {
			t.Fatalf("a claim returned the fence %x, which made none", fence)
		}
	}
}
