package idempotency

import (
	"sync"
	"time"

	"github.com/grpcservice/grpcservice/runtime/server"
)

const (
	// DefaultLease is the default time until a retry of a call whose process has ended may run.
	DefaultLease = time.Minute
	// leaseMargin is how much longer than its deadline a call is assumed to run: methods return a
	// little after it.
	leaseMargin = 5 * time.Second
	// longestRun bounds for how long the claim of one call is renewed, so that a method that never
	// returns does not hold its key for ever.
	longestRun = 24 * time.Hour
)

// Guard recognizes retried calls. [New] returns it, for server.WithIdempotency. It is safe for
// concurrent use.
type Guard struct {
	store Store
	wait  time.Duration
	lease time.Duration
	name  string

	mu     sync.Mutex
	counts map[string]*counts // by the path of the method
}

var _ server.IdempotencyGuard = (*Guard)(nil)

// Option configures a [Guard].
type Option func(*Guard)

// WithWait makes a call wait for another running call with its key, for at most the given time
// and until its own deadline, instead of rejecting it at once. If the policy of the method has
// retries or hedging, its calls always wait until their deadline: they may be attempts of one
// call, which a rejection would end.
func WithWait(most time.Duration) Option {
	return func(g *Guard) { g.wait = most }
}

// WithLease sets how long the claim of a call outlives its process, instead of [DefaultLease]: a
// retry may run afterwards. While the method runs, also after its deadline, its claim is renewed
// every third of the lease, for at most 24 hours. A call whose deadline is nearer has a lease that
// ends 5 seconds after that. d must be longer than pauses of the process and outages of the store;
// 0 and less mean the default.
func WithLease(d time.Duration) Option {
	return func(g *Guard) {
		if d > 0 {
			g.lease = d
		}
	}
}

// WithName names the guard: the label "name" of its metrics, "" by default. A process with several
// guards gives each another name; the metrics of guards with the same name are added up.
func WithName(name string) Option { return func(g *Guard) { g.name = name } }

// New returns a guard that stores responses in store.
func New(store Store, opts ...Option) *Guard {
	g := &Guard{store: store, lease: DefaultLease, counts: make(map[string]*counts)}
	for _, opt := range opts {
		opt(g)
	}
	return g
}
