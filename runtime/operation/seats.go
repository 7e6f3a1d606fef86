package operation

import (
	"context"
	"sync"

	"google.golang.org/grpc/peer"

	"github.com/grpcservice/grpcservice/runtime"
)

// waitsPerCaller is the maximum number of waiting WaitOperation calls per caller. Further calls
// return at once, as the method's documentation allows, and their clients retry.
const waitsPerCaller = 100

// caller is a principal or, if the caller is unauthenticated, a connection.
type caller struct{ principal, address string }

func waiterOf(ctx context.Context) (c caller) {
	if call, ok := runtime.CallFromContext(ctx); ok && call.Principal() != nil {
		return caller{principal: call.Principal().ID}
	}
	if from, ok := peer.FromContext(ctx); ok {
		c.address = from.Addr.String()
	}
	return c
}

// seats limits the places for each caller.
type seats struct {
	mu        sync.Mutex
	perCaller int
	taken     map[caller]int
}

func newSeats(each int) *seats { return &seats{perCaller: each, taken: make(map[caller]int)} }

// take takes a place. It returns false if the caller has them all.
func (s *seats) take(who caller) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken[who] >= s.perCaller {
		return false
	}
	s.taken[who]++
	return true
}

// release returns a place.
func (s *seats) release(who caller) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken[who]--; s.taken[who] == 0 {
		delete(s.taken, who)
	}
}
