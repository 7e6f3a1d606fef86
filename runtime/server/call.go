package server

import (
	"context"
	"fmt"
	"log/slog"
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
	"github.com/grpcservice/grpcservice/runtime/internal/encoded"
	"github.com/grpcservice/grpcservice/runtime/internal/heldheader"
	"github.com/grpcservice/grpcservice/runtime/internal/join"
	"github.com/grpcservice/grpcservice/runtime/internal/requestid"
	"github.com/grpcservice/grpcservice/runtime/limit"
	"github.com/grpcservice/grpcservice/runtime/seal"
)

// call is what a [callContext] holds of its call.
type call struct {
	method    *method
	start     time.Time
	id        requestid.ID
	principal *runtime.Principal
	received  atomic.Int64 // messages of streams
	sent      atomic.Int64
	group     atomic.Pointer[group]            // made by the first [runtime.Go]
	shared    atomic.Pointer[encoded.Variants] // of the next response, if other streams send it too
}

// Method implements [runtime.Call].
func (c *callContext) Method() runtime.MethodInfo { return c.call.method.info }

// Start implements [runtime.Call].
func (c *callContext) Start() time.Time { return c.call.start }

// RequestID implements [runtime.Call].
func (c *callContext) RequestID() string { return c.call.id.String() }

// Principal implements [runtime.Call].
func (c *callContext) Principal() *runtime.Principal { return c.call.principal }

// Received implements [runtime.Call].
func (c *callContext) Received() int64 { return c.call.received.Load() }

// Sent implements [runtime.Call].
func (c *callContext) Sent() int64 { return c.call.sent.Load() }

// Logger implements [runtime.Call].
func (c *callContext) Logger() *slog.Logger {
	m := c.call.method
	return m.logger.With(slog.String(logMethod, m.log.name), slog.String(logRequestID, c.RequestID()))
}

// Draining implements [callctx.Call].
func (c *callContext) Draining() <-chan struct{} { return c.call.method.drain.started }

// TokenRing implements [callctx.Call].
func (c *callContext) TokenRing() *seal.Ring { return c.call.method.tokens }

// callContext is the context of a call and the call itself in one allocation. Its context is that of the transport, with what
// observers add, and is never replaced once anybody else has it; what the method gets may be a child of it.
type callContext struct {
	context.Context
	call call

	observed int                   // how many observers know of the call
	arrival  *bounds.Arrival       // nil where the transport does not tell
	load     bounds.Call           // what the call counts for among those of the server
	slot     time.Time             // since when the call counts for the method's concurrency; zero if it does not
	ran      atomic.Bool           // whether the call reached its method; known where the concurrency is adaptive
	deadline atomic.Int64          // of the method, in Unix nanoseconds, where it is ours; else 0
	stream   *serverStream         // nil for a unary call
	refused  atomic.Pointer[error] // what was wrong with a request
	compress compressChoice        // what the method has chosen
	header   heldheader.Header     // what the method has set
	drained  atomic.Bool           // whether a shutdown cancelled the call
	detached bool                  // the method runs in a goroutine of its own, which joins the others
	live     liveCall
	listed   bool                       // in the list of the method, by the call's own goroutine
	lazy     atomic.Pointer[lazyCancel] // see lazyContext
}

// callOf returns the call that ctx belongs to.
func callOf(ctx context.Context) (*callContext, bool) {
	c, ok := ctx.Value(callctx.Key{}).(*callContext)
	return c, ok
}

// pipeline is what all methods of one server share. The settings are fixed before the first method is
// bound.
type pipeline struct {
	*settings
	admission    *admission
	drain        *drain
	tokenWarning sync.Once
	formats      encoded.Formats // of its streams, for messages that many of them send

	left join.Group // methods that run on although their call has ended, and what runs in the background

	unknownOnce sync.Once
	unknown     *method // of calls of methods that the server does not have; see unknownMethod

	mu      sync.Mutex
	methods []*method // all that were bound, to tell what is running
	byName  map[string]*method
}

// lookup returns the method of the server with a path; nil where there is none.
func (p *pipeline) lookup(fullMethod string) *method {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.byName[fullMethod]
}

// inFlight returns how many calls are running.
func (p *pipeline) inFlight() (n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range p.methods {
		n += m.inFlight.Load()
	}
	return n
}

// running names the methods that calls are running of, with how many.
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

// method is one RPC of a server with all that its calls need, looked up once, when it is registered.
type method struct {
	*pipeline
	info       runtime.MethodInfo
	log        accessLog
	observing  []runtime.MethodObserver
	bound           // the steps of its calls
	blocks     bool // whether a gate may block
	deadlines  deadlines
	apart      bool               // whether the method runs in a goroutine of its own: see runApart
	first      checkFunc          // all checks of the first message of a stream, or of the only request
	later      checkFunc          // all checks of later messages of a stream
	counted    rates              // of its principals and of the method; see rateGate
	slots      *limit.Concurrency // nil where any number may run at a time
	adaptive   bool               // whether slots learns from the calls
	unaryInfo  grpc.UnaryServerInfo
	streamInfo grpc.StreamServerInfo
	live       liveCalls
	inFlight   atomic.Int64
}

// bound is the sequence of one method.
type bound struct {
	gates         []gate
	checks        []check // one for each step that has them
	unaryArounds  []unaryAround
	streamArounds []streamAround
}

// gate returns the error that it rejects a call with. ctx is the call's, or a child of it.
type gate func(ctx context.Context, c *callContext) error

// unaryAround returns a handler that runs next.
type unaryAround func(next grpc.UnaryHandler) grpc.UnaryHandler

// streamAround returns a handler that runs next.
type streamAround func(next grpc.StreamHandler) grpc.StreamHandler

// check is a step that checks requests. Its functions are nil where there is nothing to check.
type check struct {
	first checkFunc // of the first message of a stream, or of the only request
	later checkFunc // of the other messages of a stream
	items bool      // holds for each item of a batch, although the batch as a whole was checked
}

// checkFunc returns what is wrong with a request.
type checkFunc = func(ctx context.Context, req proto.Message) error

// lazyCancel is the context that a lazyContext has made.
type lazyCancel struct{ context.Context }

// lazyOver stands for one after the call.
var lazyOver = new(lazyCancel)
