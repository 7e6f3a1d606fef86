package operation

import (
	"context"
	"sync"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc/peer"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// waitsPerCaller is the maximum number of waiting WaitOperation calls per caller. Further calls
// return at once, as the method's documentation allows, and their clients retry.
const waitsPerCaller = 100

// WaitOperation returns an operation when it is done, or its current state when the caller's
// timeout or deadline is near, the maximum wait is over, or the server shuts down.
func (s *service) WaitOperation(ctx context.Context, req *longrunningpb.WaitOperationRequest) (*longrunningpb.Operation, error) {
	limit := longestWait
	if timeout := req.GetTimeout(); timeout != nil {
		if timeout.CheckValid() != nil || timeout.AsDuration() < 0 {
			return nil, rpcerr.Invalid(rpcerr.Violation("timeout", "must be a duration of zero or more"))
		}
		limit = min(limit, timeout.AsDuration())
	}
	who := waiterOf(ctx)
	if limit == 0 || !s.waits.take(who) {
		return answer(s.manager.Get(ctx, req.GetName()))
	}
	defer s.waits.leave(who)
	waiting, cancel := context.WithTimeout(ctx, beforeDeadline(ctx, limit))
	defer cancel()
	op, err := s.manager.Wait(waiting, req.GetName())
	if err != nil && waiting.Err() != nil && ctx.Err() == nil { // a store that was asked too late
		return answer(s.manager.Get(ctx, req.GetName()))
	}
	return answer(op, err)
}

// beforeDeadline returns how long to wait so that there is time to respond.
func beforeDeadline(ctx context.Context, limit time.Duration) time.Duration {
	deadline, ok := ctx.Deadline()
	if !ok {
		return limit
	}
	left := time.Until(deadline)
	return min(limit, left-min(500*time.Millisecond, left/5))
}

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
	mu    sync.Mutex
	each  int
	taken map[caller]int
}

func newSeats(each int) *seats { return &seats{each: each, taken: make(map[caller]int)} }

// take takes a place. It returns false if the caller has none left.
func (s *seats) take(who caller) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken[who] >= s.each {
		return false
	}
	s.taken[who]++
	return true
}

// leave returns a place.
func (s *seats) leave(who caller) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken[who]--; s.taken[who] == 0 {
		delete(s.taken, who)
	}
}
