package client

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"reflect"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/grpcservice/grpcservice/runtime"
	"github.com/grpcservice/grpcservice/runtime/internal/report"
	"github.com/grpcservice/grpcservice/runtime/internal/requestid"
	"github.com/grpcservice/grpcservice/runtime/rpcerr"
)

// WithObservers adds observers of the connection's calls, for example to count or trace them: the
// interfaces of server.WithObservers. The first one is called first when a call starts, and last
// when it finishes.
//
// An observer sees a call as the caller does: once, however many attempts it takes; see
// [runtime.AttemptObserver]. What it adds to the outgoing metadata of the context is sent. The
// [runtime.Call] has no principal; it has received the responses and sent the requests. A stream
// that its consumer breaks out of ends with CANCELED. An observer that panics is logged to slog's
// default logger, at most once a minute for each observer, and the call continues. One that panics
// in Bind does not observe the method.
func WithObservers(observers ...runtime.Observer) Option {
	return func(c *settings) {
		for i, o := range observers {
			if v := reflect.ValueOf(o); o == nil || v.Kind() == reflect.Pointer && v.IsNil() {
				c.errs = append(c.errs, fmt.Errorf("WithObservers: observer %d is nil", i+1))
				return
			}
		}
		for _, o := range observers {
			c.observers = append(c.observers, newObserver(o))
		}
	}
}

// TargetObserver is a [runtime.Observer] whose methods know the target of their connection, in the
// form of (*grpc.ClientConn).CanonicalTarget: "dns:///books:8443". BindTarget is called instead of
// Bind.
type TargetObserver interface {
	runtime.Observer
	BindTarget(target string, info runtime.MethodInfo) runtime.MethodObserver
}

// observer is an observer of a connection.
type observer struct {
	runtime.Observer
	name   string // its type
	panics *report.Throttle
}

// shieldInterval is the shortest time between two records of panics of one observer.
const shieldInterval = time.Minute

func newObserver(o runtime.Observer) *observer {
	return &observer{o, fmt.Sprintf("%T", o), report.NewThrottle(shieldInterval)}
}

// bind binds the observer to a method of a connection, and recovers its panic.
func (o *observer) bind(target string, info runtime.MethodInfo) runtime.MethodObserver {
	defer o.shield(context.Background(), info)
	if o, ok := o.Observer.(TargetObserver); ok {
		return o.BindTarget(target, info)
	}
	return o.Bind(info)
}

// shield logs the panic of an observer. Defer it directly.
func (o *observer) shield(ctx context.Context, info runtime.MethodInfo) {
	value := recover()
	if value == nil {
		return
	}
	if due, skipped := o.panics.Next(); due {
		report.Panic(ctx, slog.Default(), value, slog.String("observer", o.name),
			slog.Int("not_logged", skipped), slog.String("method", info.FullMethod))
	}
}

// watcher is what observes the calls of a method.
type watcher struct {
	runtime.MethodObserver
	of *observer
}

var (
	// errAborted is how a call ended whose goroutine panicked or called runtime.Goexit.
	errAborted = rpcerr.Internal("the call was aborted: what runs around it panicked, or ended its goroutine")
	// errStopped is how a stream ended whose consumer stopped.
	errStopped = status.Error(codes.Canceled, "the consumer of the stream stopped")
)

// observedMethod is a method and what observes its calls.
type observedMethod struct {
	info      runtime.MethodInfo
	observing []watcher
	attempts  bool // whether one of them observes attempts
}

// bindObservers binds the observers of a connection to a method; nil if none observes it.
func bindObservers(
	observers []*observer, target string, info runtime.MethodInfo,
) *observedMethod {
	m := &observedMethod{info: info}
	for _, o := range observers {
		bound := o.bind(target, info)
		if bound == nil {
			continue
		}
		m.observing = append(m.observing, watcher{bound, o})
		_, ok := bound.(runtime.AttemptObserver)
		m.attempts = m.attempts || ok
	}
	if len(m.observing) == 0 {
		return nil
	}
	return m
}

// begin notifies the observers of the start of a call, whose context it returns. The call is nil if
// m is, and must be finished otherwise.
func (m *observedMethod) begin(ctx context.Context) (context.Context, *observedCall) {
	if m == nil {
		return ctx, nil
	}
	call := &observedCall{method: m, ctx: ctx, start: time.Now()}
	for i := range m.observing {
		call.begin(&m.observing[i])
	}
	return call.ctx, call
}

// observedCall is a call that observers watch. A nil observedCall does nothing.
type observedCall struct {
	method *observedMethod
	ctx    context.Context // with what observers added
	start  time.Time
	begun  int // how many observers know of it

	sent, received atomic.Int64
	attempts       atomic.Int64
	finished       atomic.Bool
}

// Method implements [runtime.Call].
func (c *observedCall) Method() runtime.MethodInfo { return c.method.info }

// Start implements [runtime.Call].
func (c *observedCall) Start() time.Time { return c.start }

// RequestID implements [runtime.Call].
func (c *observedCall) RequestID() string {
	md, _ := metadata.FromOutgoingContext(c.ctx)
	if ids := md[requestid.Header]; len(ids) > 0 {
		return ids[0]
	}
	return ""
}

// Principal implements [runtime.Call].
func (*observedCall) Principal() *runtime.Principal { return nil }

// Peer implements [runtime.Call].
func (*observedCall) Peer() net.Addr { return nil }

// Received implements [runtime.Call].
func (c *observedCall) Received() int64 { return c.received.Load() }

// Sent implements [runtime.Call].
func (c *observedCall) Sent() int64 { return c.sent.Load() }

// Logger implements [runtime.Call].
func (c *observedCall) Logger() *slog.Logger {
	info := c.method.info
	logger := slog.With("method", info.Service+"/"+info.Name, "request_id", c.RequestID())
	return report.InContext(c.ctx, logger)
}

func (c *observedCall) begin(o *watcher) {
	defer o.of.shield(c.ctx, c.method.info)
	c.begun++
	if ctx := o.Begin(c.ctx, c); ctx != nil {
		c.ctx = ctx
	}
}

// finish notifies the observers of the outcome. Only the first call has an effect.
func (c *observedCall) finish(err error) {
	if c == nil || c.finished.Swap(true) {
		return
	}
	c.end(c.begun, runtime.Outcome{Err: err, Cause: err, Duration: time.Since(c.start)})
}

// end notifies the first n observers, the last of them first, even if one calls runtime.Goexit.
func (c *observedCall) end(n int, outcome runtime.Outcome) {
	if n == 0 {
		return
	}
	defer c.end(n-1, outcome)
	o := &c.method.observing[n-1]
	defer o.of.shield(c.ctx, c.method.info)
	o.End(c.ctx, c, outcome)
}

// exchanged counts the request and the response of a unary call.
func (c *observedCall) exchanged() {
	if c != nil {
		c.sent.Add(1)
		c.received.Add(1)
	}
}

// attempted counts an attempt, and notifies the observers of all but the first.
func (c *observedCall) attempted() {
	n := int(c.attempts.Add(1))
	if n == 1 || c.finished.Load() {
		return
	}
	for i := range c.method.observing {
		c.attempt(&c.method.observing[i], n)
	}
}

func (c *observedCall) attempt(o *watcher, n int) {
	defer o.of.shield(c.ctx, c.method.info)
	if o, ok := o.MethodObserver.(runtime.AttemptObserver); ok {
		o.Attempt(c.ctx, c, n)
	}
}

// withAttempts returns options with which grpc notifies c of each attempt.
func (c *observedCall) withAttempts(options []grpc.CallOption) []grpc.CallOption {
	if c == nil || !c.method.attempts {
		return options
	}
	counter := attemptCounter{call: c}
	for _, option := range options {
		if own, ok := option.(grpc.PerRPCCredsCallOption); ok {
			counter.PerRPCCredentials = own.Creds
		}
	}
	return append(options[:len(options):len(options)], grpc.PerRPCCredentials(counter))
}

// attemptCounter counts attempts: grpc asks for the credentials of each one, and has nothing else
// that costs little and is called for each.
type attemptCounter struct {
	credentials.PerRPCCredentials // nil without credentials of the call
	call                          *observedCall
}

// GetRequestMetadata implements credentials.PerRPCCredentials.
func (a attemptCounter) GetRequestMetadata(
	ctx context.Context, uri ...string,
) (map[string]string, error) {
	a.call.attempted()
	if a.PerRPCCredentials == nil {
		return nil, nil
	}
	return a.PerRPCCredentials.GetRequestMetadata(ctx, uri...)
}

// RequireTransportSecurity implements credentials.PerRPCCredentials.
func (a attemptCounter) RequireTransportSecurity() bool {
	return a.PerRPCCredentials != nil && a.PerRPCCredentials.RequireTransportSecurity()
}
