package server

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/bounds"
	"github.com/grpcservice/grpcservice/runtime/internal/callctx"
	"github.com/grpcservice/grpcservice/runtime/internal/each"
	"github.com/grpcservice/grpcservice/runtime/internal/encoded"
	"github.com/grpcservice/grpcservice/runtime/internal/heldheader"
	"github.com/grpcservice/grpcservice/runtime/internal/join"
	"github.com/grpcservice/grpcservice/runtime/internal/report"
	"github.com/grpcservice/grpcservice/runtime/internal/requestid"
	"github.com/grpcservice/grpcservice/runtime/internal/resource"
	"github.com/grpcservice/grpcservice/runtime/limit"
	"github.com/grpcservice/grpcservice/runtime/seal"
)

// callContext is a call and its context, in one allocation. Its Context is that of the transport
// with what observers add, and does not change once others have it. The method may receive a child
// of it.
type callContext struct {
	context.Context
	call call
	own  bounds.Arrival // of a call that was allocated when its headers arrived; see tapHandle

	arrival   *bounds.Arrival            // nil if the transport does not record arrivals
	load      bounds.Call                // its share of the server's bounds
	slot      time.Duration              // how long after the start it got its slot of an adaptive limit
	deadline  atomic.Int64               // set by the policy, in Unix nanoseconds; 0 if the client's holds
	stream    callStream                 // nil for a unary call
	rejection atomic.Pointer[error]      // the error of the first invalid request of a stream
	step      atomic.Pointer[string]     // that rejected the call, or that runs around its method
	header    heldheader.Header          // set by the method
	listed    *liveCall                  // in the method's list, by the call's own goroutine; or nil
	lazy      atomic.Pointer[lazyCancel] // see lazyContext

	observed int32          // how many observers were notified of the start
	begun    atomic.Bool    // whether the allocation is in use; see callOn
	ran      atomic.Bool    // whether it reached its method; only with adaptive concurrency
	hidden   atomic.Bool    // whether it must not show which resources exist
	compress compressChoice // of the method
	detached bool           // the method runs in a separate goroutine, which joins the others
	holds    bool           // a slot of the method's concurrency
	direct   bool           // the address in its context is that of its connection
}

// call is the part of a [callContext] that [runtime.Call] shows.
type call struct {
	method    *method
	policy    *effective
	start     time.Time
	id        requestid.ID
	principal *runtime.Principal
	received  atomic.Int64                     // messages of streams
	turns     each.Turns                       // for sending
	group     atomic.Pointer[group]            // made by the first [runtime.Go]
	shared    atomic.Pointer[encoded.Variants] // of the next response, if other streams send it too
}

// callStream is the stream of a call, for the end of the call.
type callStream interface {
	// end makes RecvMsg and SendMsg return because.
	end(because error)
	// transport returns grpc's stream, which does not hold headers back.
	transport() grpc.ServerStream
}

// lazyCancel is the context that a lazyContext has made, and its place in the method's list.
type lazyCancel struct {
	context.Context
	live liveCall
}

// lazyOver replaces the lazyCancel of a finished call.
var lazyOver = new(lazyCancel)

// callOf returns the call that ctx belongs to.
func callOf(ctx context.Context) (*callContext, bool) {
	c, ok := ctx.Value(callctx.Key{}).(*callContext)
	return c, ok
}

// Method implements [runtime.Call].
func (c *callContext) Method() runtime.MethodInfo { return c.call.policy.info }

// Start implements [runtime.Call].
func (c *callContext) Start() time.Time { return c.call.start }

// RequestID implements [runtime.Call].
func (c *callContext) RequestID() string { return c.call.id.In(c.Context) }

// Principal implements [runtime.Call].
func (c *callContext) Principal() *runtime.Principal { return c.call.principal }

// Peer implements [runtime.Call].
func (c *callContext) Peer() net.Addr {
	if client := c.client(); client != nil {
		return client
	}
	return c.connAddr()
}

// connAddr returns the address of the connection, or what an interceptor has put in its place.
func (c *callContext) connAddr() net.Addr {
	if c.direct {
		return c.arrival.Addr()
	}
	return peerAddr(c.Context)
}

// Received implements [runtime.Call].
func (c *callContext) Received() int64 { return c.call.received.Load() }

// Sent implements [runtime.Call].
func (c *callContext) Sent() int64 { return c.call.turns.Sent() }

// Logger implements [runtime.Call].
func (c *callContext) Logger() *slog.Logger {
	m := c.call.method
	logger := m.logger.With(slog.String(logMethod, m.log.name), slog.String(logRequestID, c.RequestID()))
	return report.InContext(c, logger)
}

// Draining implements [callctx.Call].
func (c *callContext) Draining() <-chan struct{} { return c.call.method.drain.started }

// TokenRejected implements [callctx.Call].
func (c *callContext) TokenRejected(reason string) { c.call.method.tokensRejected.add(reason) }

// TokenRing implements [callctx.Call].
func (c *callContext) TokenRing() *seal.Ring { return c.call.method.tokens }

// method is one RPC of a server, with everything that its calls need resolved once.
type method struct {
	*pipeline
	info       runtime.MethodInfo // with the policy at its registration; see effective
	table      runtime.Policy     // without overrides
	policy     atomic.Pointer[effective]
	log        accessLog
	observing  []watcher
	bound                         // the steps of its calls
	first      []namedCheck       // of the only request, or of a stream's first
	later      []namedCheck       // of a stream's later requests
	slots      *limit.Concurrency // nil without a bound
	unaryInfo  grpc.UnaryServerInfo
	streamInfo grpc.StreamServerInfo
	live       liveCalls
	inFlight   atomic.Int64

	tokensRejected tally // page tokens

	ask     AuthorizeFunc // nil if no principal has a permission
	guard   *guard        // of the permission that the policy requires; or nil
	listing atomic.Pointer[listing]
}

// bound is the sequence of steps of one method.
type bound struct {
	gates         []namedGate
	checks        []check // one for each step that has them
	unaryArounds  []unaryAround
	streamArounds []streamAround
}

// gate returns the error that it rejects a call with, or nil. ctx is the call's, or a child of it.
type gate func(ctx context.Context, c *callContext) error

// namedGate is the gate of a step.
type namedGate struct {
	step string
	pass gate
}

// namedCheck is the check of a step.
type namedCheck struct {
	step string
	run  checkFunc
}

// unaryAround returns a handler that runs next.
type unaryAround func(next grpc.UnaryHandler) grpc.UnaryHandler

// streamAround returns a handler that runs next.
type streamAround func(next grpc.StreamHandler) grpc.StreamHandler

// check is a step that checks requests. Its functions may be nil.
type check struct {
	step  string
	first checkFunc // of the first message of a stream, or of the only request
	later checkFunc // of the other messages of a stream
	items bool      // whether each item of a batch is checked in addition to the whole
	apart bool      // whether items of a batch are checked by another function
}

// checkFunc returns the error that a request is rejected with, or nil.
type checkFunc = func(ctx context.Context, req proto.Message) error

// pipeline is what all methods of one server share. The settings are fixed before the first method
// is bound.
type pipeline struct {
	*settings
	capacity     *capacity
	drain        *drain
	tokenWarning sync.Once
	formats      encoded.Formats // of its streams, for messages that many of them send
	sweeping     atomic.Bool     // whether a timer looks for blocked sends

	// awaited are what a shutdown waits for besides calls: methods that run on after their call was
	// answered, and background functions.
	awaited join.Group

	shields   []*shield       // of the observers
	logShield *shield         // of the access log
	build     func() []string // the versions of the program: see buildLabels

	unknownOnce sync.Once
	unknown     *method // see unknownMethod

	policing sync.Mutex // held while policies are applied to methods
	mu       sync.Mutex
	methods  []*method
	byName   map[string]*method // by FullMethod
	bindErrs []error            // of methods that cannot be bound
}

// lookup returns the method with a path, or nil.
func (p *pipeline) lookup(fullMethod string) *method {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.byName[fullMethod]
}

// inFlight returns the number of running calls.
func (p *pipeline) inFlight() (n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range p.methods {
		n += m.inFlight.Load()
	}
	return n
}

// running names the methods that have running calls, with their number.
func (p *pipeline) running() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var names []string
	for _, m := range p.methods {
		if n := m.inFlight.Load(); n > 0 {
			names = append(names, fmt.Sprintf("%s (%d)", m.log.name, n))
		}
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// effective is the policy of a method that is in effect, as its steps need it. [WithPolicyFile]
// replaces it while the server runs: a call keeps the one that it started with. Only timeouts,
// rates, concurrency and log differ from the policy at the start.
type effective struct {
	info      runtime.MethodInfo
	records   records
	deadlines deadlines
	apart     bool   // whether the method runs in a separate goroutine: see runApart
	blocks    bool   // whether a gate may block
	adaptive  bool   // whether the concurrency adapts to the duration of calls
	peers     *rates // nil without any
	counted   *rates // of the principals and of the method; nil without any
}

// guard is the permission of a method.
type guard struct {
	method *method
	policy runtime.Permission
	path   resource.Path
	most   int    // the maximum number of resources of a request
	empty  bool   // whether a request may name no resource
	denied error  // of a request that names one resource
	broken string // why no request can be admitted; or ""
}

// grants are the resources that the caller of a stream of requests has the permission on.
type grants struct {
	mu      sync.Mutex // a method may receive in several goroutines, one after the other
	until   map[string]time.Time
	current []string // the resources of the latest request that names any, if they are few
}

// failToBind records the error of a method that cannot be bound: the server does not start.
func (p *pipeline) failToBind(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.bindErrs = append(p.bindErrs, err)
}

// unbound returns the errors of the methods that cannot be bound.
func (p *pipeline) unbound() []error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.bindErrs
}

// hasLivePolicies reports whether policies may change while the server runs.
func (p *pipeline) hasLivePolicies() bool { return p.policyFile != nil }

// isSending reports whether a SendMsg is running.
func (c *call) isSending() bool { return c.turns.Sending() > 0 }
