package idempotency

import (
	"context"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/server"
)

const (
	// DefaultWindow is how long a response is kept where the method's policy says nothing.
	DefaultWindow = 24 * time.Hour
	// DefaultLease is how long a call may run that has no deadline.
	DefaultLease = time.Minute
	// leaseMargin is how much longer than to its deadline a call is taken to be running: methods end a little after it.
	leaseMargin = 5 * time.Second
	// longestLease bounds the lease of a call whose client asks for centuries, which no store's clock counts.
	longestLease = 365 * 24 * time.Hour
)

// Guard recognises calls that are made again. It is made by [New] for [server.WithIdempotency].
type Guard struct {
	store Store
	wait  time.Duration
	lease time.Duration
}

var _ server.IdempotencyGuard = (*Guard)(nil)

// Option configures a [Guard].
type Option func(*Guard)

// Wait has a call wait for another one with its id that is still running, for at most so long and
// until its own deadline, instead of rejecting it at once. Calls of a method whose policy has retries
// or hedging wait until their deadline in any case: they may be attempts for one call, which a
// rejection would end.
func WithWait(most time.Duration) Option {
	return func(g *Guard) { g.wait = most }
}

// Lease sets how long a call may run that has no deadline, in place of [DefaultLease]: it gets this as its deadline, since
// another one may run in its place afterwards. A call that has a deadline may run until then.
func WithLease(d time.Duration) Option {
	return func(g *Guard) {
		if d > 0 {
			g.lease = d
		}
	}
}

// New returns a guard that keeps responses in store.
func New(store Store, opts ...Option) *Guard {
	g := &Guard{store: store, lease: DefaultLease}
	for _, opt := range opts {
		opt(g)
	}
	return g
}

// Bind returns what guards the calls of a method. It is nil for a method without idempotency keys, for one without side effects, whose
// answers would take the room of those that matter, and for one that starts an operation: a store of operations tells their
// requests apart itself, and knows how far the first one is.
func (g *Guard) Bind(info runtime.MethodInfo) server.IdempotencyFunc {
	p := info.Policy
	if p.IdempotencyKey.Field == "" || p.Idempotency == runtime.NoSideEffects || p.Operation.Lease > 0 {
		return nil
	}
	m, err := g.method(info)
	if err != nil {
		return func(context.Context, proto.Message, func(context.Context) (proto.Message, error)) (proto.Message, error) {
			return nil, errInternal("%s: %w", info.FullMethod[1:], err)
		}
	}
	return m.answer
}
