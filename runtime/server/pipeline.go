package server

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/bounds"
	"github.com/grpcservice/grpcservice/runtime/internal/join"
	"github.com/grpcservice/grpcservice/runtime/internal/requestid"
	"github.com/grpcservice/grpcservice/runtime/limit"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// pipeline is what all methods of one server share. The settings are fixed before the first method is
// bound.
type pipeline struct {
	*settings
	admission    *admission
	drain        *drain
	tokenWarning sync.Once

	left join.Group // methods that run on although their call has ended, and what runs in the background

	unknownOnce sync.Once
	unknown     *method // of calls of methods that the server does not have; see unknownMethod

	mu      sync.Mutex
	methods []*method // all that were bound, to tell what is running
	byName  map[string]*method
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

// bind prepares the RPC that info describes, which server serves.
func (p *pipeline) bind(info runtime.MethodInfo, server any) *method {
	info.Policy = p.overrides.Apply(info)
	m := &method{
		pipeline:  p,
		info:      info,
		adaptive:  adaptive(info),
		log:       newAccessLog(p.accessLogger(), info),
		observing: bindObservers(p.observers, info),
		deadlines: deadlinesOf(info.Policy, p.timeout),
		unaryInfo: grpc.UnaryServerInfo{Server: server, FullMethod: info.FullMethod},
		streamInfo: grpc.StreamServerInfo{
			FullMethod:     info.FullMethod,
			IsClientStream: info.Kind == runtime.KindClientStream || info.Kind == runtime.KindBidi,
			IsServerStream: info.Kind == runtime.KindServerStream || info.Kind == runtime.KindBidi,
		},
	}
	m.bound = m.bindSequence()
	m.bindChecks()
	m.apart = m.deadlines.idle > 0 || m.deadlines.total > 0 || m.streamInfo.IsClientStream && !p.without.recovery
	m.blocks = p.authenticator != nil || p.limiter != RateLimiter(localLimiter{}) || info.Policy.Concurrency.MaxWait > 0
	p.mu.Lock()
	defer p.mu.Unlock()
	p.methods = append(p.methods, m)
	if p.byName == nil {
		p.byName = make(map[string]*method)
	}
	p.byName[info.FullMethod] = m
	return m
}

// begin opens a call: all that it carries is one allocation.
func (m *method) begin(ctx context.Context) *callContext {
	m.inFlight.Add(1)
	arrival := bounds.ArrivalIn(ctx)
	arrival.Handle()
	return &callContext{Context: ctx, arrival: arrival, call: call{method: m, start: time.Now(), id: requestid.Incoming(ctx)}}
}

// cancellable returns the context of a stream, which a shutdown that has run out of patience cancels.
func (c *callContext) cancellable() context.Context {
	ctx, cancel := context.WithCancel(c)
	c.list(cancel)
	return ctx
}

// list has a shutdown cancel the call, and its end.
func (c *callContext) list(cancel context.CancelFunc) {
	c.listed = true
	c.call.method.live.add(c, cancel)
}

// finish closes a call, and must be deferred itself: it recovers the method's panic. It waits for the goroutines that the
// call started, makes *err what the caller gets, and tells those who watch.
func (m *method) finish(c *callContext, err *error) {
	defer m.inFlight.Add(-1)
	defer m.unlist(c)
	left, complete := *err == errLeft, false
	defer func() {
		if !complete {
			c.writeStatus(rpcerr.Public(errLeft))
		}
	}()
	if value := recover(); value != nil {
		left, *err = false, m.panicked(c, value)
	}
	if !c.detached {
		*err = c.join(*err)
	}
	if c.stream != nil {
		c.stream.end(errStreamOver)
	}
	c.endHeader(*err != nil)
	cause := *err
	defer raise(cause)
	if cause != nil {
		if *err = m.told(c, cause); *err == runtime.ErrDraining && cause != runtime.ErrDraining {
			cause = fmt.Errorf("%w; %w", runtime.ErrDraining, cause)
		}
	} else if m.info.Kind == runtime.KindUnary {
		c.call.sent.Store(1)
	}
	if !c.detached {
		m.release(c, *err)
	}
	m.tell(c, runtime.Outcome{Err: *err, Cause: cause, Duration: time.Since(c.call.start)})
	if cause != nil {
		*err = m.passed(cause, *err)
	}
	complete = !left
}

// unlist cancels the contexts of a call that has ended, and has no shutdown cancel it.
func (m *method) unlist(c *callContext) {
	if c.lazy.Swap(lazyOver) != nil || c.listed {
		m.live.remove(c)
	}
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
