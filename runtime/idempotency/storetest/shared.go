package storetest

import (
	"crypto/rand"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/grpcservice/grpcservice/runtime/idempotency"
)

// sharedBytes is the size of the stores of [RunShared].
const sharedBytes = 1 << 20

// RunShared tests that principals share a store as [idempotency.Store] requires. newStore returns a
// new store without entries that has room for maxBytes. What an entry takes besides its texts and
// its response is for the store to say: up to 4 KiB.
func RunShared(t *testing.T, newStore func(t *testing.T, maxBytes int) idempotency.Store) {
	for name, test := range map[string]func(*testing.T, suite){
		"the claims of a principal leave others room":       claimsLeaveRoom,
		"a principal may claim again when its calls ended":  claimsAgain,
		"a lease that is over makes room":                   leasesMakeRoom,
		"a lease that is renewed makes no room":             renewedStays,
		"responses of a principal cost others none":         responsesShared,
		"the responses go first whose windows end first":    soonestFirst,
		"responses cost no claims":                          responsesCostNoClaims,
		"a response that is too large is rejected":          tooLarge,
		"a small response is kept among many principals":    manyPrincipals,
		"one principal alone may have most of the store":    alone,
		"claims take room from the responses that are most": claimsTakeRoom,
	} {
		t.Run(name, func(t *testing.T) { test(t, suite{newStore(t, sharedBytes)}) })
	}
}

// by returns a claim of a principal.
func by(principal string) idempotency.Claim {
	c := claim(long)
	c.Key.Principal = principal
	return c
}

// fill makes claims until the store has no room for another one of the principal.
func (s suite) fill(t *testing.T, principal string) (made []idempotency.Claim) {
	t.Helper()
	for len(made) < sharedBytes {
		c := by(principal)
		_, err := s.Begin(t.Context(), c)
		if errors.Is(err, idempotency.ErrFull) {
			return made
		}
		if err != nil {
			t.Fatalf("Begin: %v", err)
		}
		made = append(made, c)
	}
	t.Fatalf("%s has made %d claims, and the store still has room", principal, len(made))
	return nil
}

// answer stores a response of the given size for a new key of a principal.
func (s suite) answer(t *testing.T, principal string, bytes int, window time.Duration) idempotency.Claim {
	t.Helper()
	c := by(principal)
	s.own(t, c)
	if err := s.Finish(t.Context(), c.Key, c.Fence, make([]byte, bytes), window); err != nil {
		t.Fatalf("Finish for %s: %v", principal, err)
	}
	return c
}

// answered counts the stored responses. It releases the claims that it makes for other keys.
func (s suite) answered(t *testing.T, claims ...idempotency.Claim) (n int) {
	t.Helper()
	for _, c := range claims {
		again := rival(c)
		if entry := s.begin(t, again); entry.Done {
			n++
		} else if entry.Fence == again.Fence {
			s.release(t, again)
		}
	}
	return n
}

func claimsLeaveRoom(t *testing.T, s suite) {
	ada, eve, bob := s.fill(t, "ada"), s.fill(t, "eve"), s.fill(t, "bob")
	if len(eve) < len(ada)/3 || len(bob) < len(ada)/6 || len(bob) == 0 {
		t.Errorf("the principals made %d, %d and %d claims, want at least a half of what the others left, one after the other",
			len(ada), len(eve), len(bob))
	}
	for _, claims := range [][]idempotency.Claim{ada, eve, bob} {
		for _, c := range claims {
			s.held(t, c)
		}
	}
}

func claimsAgain(t *testing.T, s suite) {
	for _, c := range s.fill(t, "ada") {
		s.release(t, c)
	}
	s.own(t, by("ada"))
}

func leasesMakeRoom(t *testing.T, s suite) {
	c := by("ada")
	c.Lease = time.Second
	var err error
	for i := 0; err == nil && i < 5000; i++ { // a slow store may never be full
		rand.Read(c.Fence[:])
		c.Key.IdempotencyKey = rand.Text()
		_, err = s.Begin(t.Context(), c)
	}
	for end := time.Now().Add(limit); err != nil; time.Sleep(short) {
		if time.Now().After(end) {
			t.Fatalf("Begin returned %v %v after the leases were over", err, limit)
		}
		_, err = s.Begin(t.Context(), c)
	}
}

func renewedStays(t *testing.T, s suite) {
	c := by("eve")
	c.Lease = short
	s.own(t, c)
	s.renew(t, c, long)
	s.expire(t)
	s.fill(t, "ada")
	for range 2000 {
		s.answer(t, "bob", 1000, long)
	}
	s.held(t, c)
}

func responsesShared(t *testing.T, s suite) {
	var eve, ada []idempotency.Claim
	for range 4 {
		eve = append(eve, s.answer(t, "eve", 1000, long))
	}
	for i := range 2000 {
		ada = append(ada, s.answer(t, "ada", 1000, long+time.Duration(i)*time.Second))
	}
	if n := s.answered(t, eve...); n != len(eve) {
		t.Errorf("%d of %d responses are left of the principal that has few", n, len(eve))
	}
	if n := s.answered(t, ada[len(ada)-10:]...); n != 10 {
		t.Errorf("%d of the last 10 responses are left of the principal that has many", n)
	}
	if n := s.answered(t, ada[:100]...); n > 0 {
		t.Errorf("%d of the first 100 responses are left, though all that came took %d times the bytes of the store", n, 2000*1000/sharedBytes)
	}
}

func soonestFirst(t *testing.T, s suite) {
	first := s.answer(t, "ada", 1000, 3*long)
	var last []idempotency.Claim
	for i := range 2000 {
		last = append(last, s.answer(t, "ada", 1000, 2*long-time.Duration(i)*time.Second))
	}
	if s.answered(t, first) != 1 {
		t.Error("the response is forgotten whose window ends last")
	}
	if n := s.answered(t, last[0], last[1]); n != 2 {
		t.Errorf("%d of 2 responses are left whose windows end last but one", n)
	}
	// The last one may have arrived when there was room
	if n := s.answered(t, last[1200:]...); n > 1 {
		t.Errorf("%d responses are left whose windows end first", n)
	}
}

func responsesCostNoClaims(t *testing.T, s suite) {
	ada := by("ada")
	s.own(t, ada)
	for range 2000 {
		s.answer(t, "ada", 1000, long)
	}
	s.held(t, ada)
	s.finish(t, ada, "response", 2*long)
	s.kept(t, ada, []byte("response"))
}

func tooLarge(t *testing.T, s suite) {
	var ada []idempotency.Claim
	for range 20 {
		ada = append(ada, s.answer(t, "ada", 1000, long))
	}
	eve := by("eve")
	s.own(t, eve)
	for _, size := range []int{sharedBytes, 4 * sharedBytes} {
		if err := s.Finish(t.Context(), eve.Key, eve.Fence, make([]byte, size), long); !errors.Is(err, idempotency.ErrFull) {
			t.Errorf("Finish with %d bytes in a store of %d returned %v, want ErrFull", size, sharedBytes, err)
		}
	}
	s.held(t, eve)
	if n := s.answered(t, ada...); n != len(ada) {
		t.Errorf("%d of %d responses are left beside one that was rejected", n, len(ada))
	}
	s.finish(t, eve, "small", long)
	s.kept(t, eve, []byte("small"))
}

func manyPrincipals(t *testing.T, s suite) {
	for i := range 2000 {
		if c := s.answer(t, fmt.Sprint(i), 500, long); s.answered(t, c) != 1 {
			t.Fatalf("the response of principal %d is not kept", i)
		}
	}
	// Everything else takes less than a 64th
	if c := s.answer(t, "new", sharedBytes/64-(5<<10), long); s.answered(t, c) != 1 {
		t.Error("a response that takes more than those of others is not kept")
	}
}

func alone(t *testing.T, s suite) {
	var claims []idempotency.Claim
	for range 8 {
		claims = append(claims, s.answer(t, "ada", sharedBytes/10, long))
	}
	if n := s.answered(t, claims...); n != len(claims) {
		t.Errorf("%d of %d responses are left that fit into the store", n, len(claims))
	}
}

func claimsTakeRoom(t *testing.T, s suite) {
	eve := s.answer(t, "eve", 1000, long)
	for range 2000 {
		s.answer(t, "ada", 1000, 2*long)
	}
	s.fill(t, "ada")
	if s.answered(t, eve) != 1 {
		t.Error("the response is forgotten of the principal that has few")
	}
}
